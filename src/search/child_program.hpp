// A foreign program that evaluates, as a child of this process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// Throws UsageError when `command` (a program and its arguments) does not name a program.
void require_program(const std::vector<std::string>& command);

/// A running program with its standard input, output and error connected to this process. Killed
/// with all that it has started, and waited for, when this goes.
class ChildProgram {
 public:
  enum class Input : std::uint8_t { none, written };

  /// Throws UsageError where it cannot be started.
  ChildProgram(const std::vector<std::string>& command, std::vector<std::string> environment,
               Input input);
  /// The same, but one that cannot be started is tried again for a minute: it may be about to be
  /// replaced. Nothing when `go_on`, which is called often, asks to end meanwhile.
  static std::unique_ptr<ChildProgram> start_patiently(const std::vector<std::string>& command,
                                                       const std::vector<std::string>& environment,
                                                       Input input,
                                                       const std::function<bool()>& go_on);
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;
  ~ChildProgram();

  /// Writes and removes what the program takes of `input`, and appends some of what it prints to
  /// `output` and `error`. Waits for one of them, no longer than `timeout`.
  void exchange(std::string& input, std::string& output, std::string& error,
                std::chrono::milliseconds timeout);
  /// Appends what there is at this moment, and not what comes meanwhile.
  void read_rest(std::string& output, std::string& error);
  /// Kills of the kernel before this moment do not explain its end. Costs nothing if called often.
  void forget_memory_kills();
  /// It finds the end of its input.
  void close_input() {
    takes_input_ = false;
    input_.reset();
  }

  /// Whether it has ended, or has closed its input, without having read all of that.
  bool left_input_unread() const;

  /// It takes no more input; found when it is written.
  bool input_closed() const { return !input_ && takes_input_; }
  bool output_closed() const { return !output_; }
  bool prints_no_more() const { return !output_ && !error_; }

  /// The failure of an evaluation, if the program has ended, with all that it left behind: of
  /// status `evaluated` if it exited with 0.
  std::optional<evolution::Evaluation> ended();

 private:
  evolution::Evaluation end_by(int status) const;

  pid_t id_ = -1;  ///< until it has ended
  std::optional<evolution::Evaluation> end_;
  std::int64_t oom_kills_before_ = 0;
  std::chrono::steady_clock::time_point oom_kills_read_{};
  bool takes_input_ = false;
  core::Descriptor input_;
  core::Descriptor output_;
  core::Descriptor error_;
};

}  // namespace hierevo::search
