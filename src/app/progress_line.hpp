// How a long piece of work shows how far it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hierevo::app {

struct Facts;

/// The status line of standard error on a terminal, or a line every so often elsewhere. A program
/// has one at a time.
class ProgressLine {
 public:
  enum class Mode { live, lines, off };
  /// One of progress_facts(); auto is live on a terminal, else lines.
  static Mode mode_named(std::string_view name);

  explicit ProgressLine(Mode mode) : mode_(mode) {}
  ~ProgressLine() { end(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Whether a new text would be shown now: spare the making of it otherwise.
  bool due() const;
  void show(const std::string& text);
  /// Leaves the live line as it is and continues below it.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  Mode mode_;
  Clock::time_point next_{};
};

/// ", 2:50 min left", right after what is counted, where narrow terminals show it; empty for
/// nothing.
std::string left_text(std::optional<double> seconds);

/// "1,000 of 60,000 images, 1:55 min left  512 images/s  2 s", after `seconds`.
std::string images_text(std::size_t done, std::size_t images, double seconds);

/// Of --progress, the same in all commands.
Facts progress_facts();

}  // namespace hierevo::app
