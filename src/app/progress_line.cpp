#include "progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/standard_error.hpp"

namespace hierevo::app {

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::lround(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60);
}

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

}  // namespace hierevo::app
