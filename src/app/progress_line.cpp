#include "progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/core/standard_error.hpp"
#include "option_set.hpp"

namespace hierevo::app {

ProgressLine::Mode ProgressLine::mode_named(std::string_view name) {
  if (name == "auto") return ::isatty(STDERR_FILENO) != 0 ? Mode::live : Mode::lines;
  if (name == "live") return Mode::live;
  return name == "off" ? Mode::off : Mode::lines;
}

Facts progress_facts() {
  return {.choices = {"auto", "live", "lines", "off"}, .recorded = false};
}

bool ProgressLine::due() const {
  return mode_ != Mode::off && Clock::now() >= next_;
}

void ProgressLine::show(const std::string& text) {
  if (!due()) return;
  const bool live = mode_ == Mode::live;
  next_ =
      Clock::now() + (live ? std::chrono::milliseconds(250) : std::chrono::milliseconds(10'000));
  if (live) {
    core::show_status(text);
  } else {
    core::write_line(std::string_view(text));
  }
}

void ProgressLine::end() {
  core::leave_status();
  next_ = {};
}

std::string left_text(std::optional<double> seconds) {
  return seconds ? fmt::format(", {} left", core::duration_text(*seconds)) : "";
}

std::string images_text(std::size_t done, std::size_t images, double seconds) {
  const double pace = static_cast<double>(done) / seconds;
  return fmt::format(
      "{} of {} images{}  {:.0f} images/s  {}", core::grouped_text(static_cast<std::int64_t>(done)),
      core::grouped_text(static_cast<std::int64_t>(images)),
      left_text(static_cast<double>(images - done) / pace), pace, core::duration_text(seconds));
}

}  // namespace hierevo::app
