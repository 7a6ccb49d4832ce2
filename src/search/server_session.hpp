// One start of a program that evaluates candidates one after another (docs/evaluators.md).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "child_program.hpp"
#include "evaluator_messages.hpp"
#include "hierevo/search/evaluator.hpp"
#include "program_log.hpp"

namespace hierevo::search {

class ServerSession {
 public:
  /// Takes over a program that was just started, and waits for its hello. Throws UsageError with
  /// its last words if none comes. `go_on` is called often; where it asks to end meanwhile, the
  /// session has not begun().
  ServerSession(std::unique_ptr<ChildProgram> program, const std::function<bool()>& go_on);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;
  /// Asks the program to exit, and kills it if it has not after a while.
  ~ServerSession();

  /// Whether the program has said hello.
  bool begun() const { return begun_; }
  /// Whether the program waits for a candidate. Says in the log why not.
  bool usable();
  /// The outcome; a failure also where the program ended or broke the protocol, which leaves the
  /// session unusable. Nothing when `progress` asked to end and the program has saved.
  std::optional<evolution::Evaluation> evaluate(const Work& work,
                                                const std::filesystem::path& folder,
                                                const ProgressCallback& progress);
  /// Of the last candidate: the program ended without having read it, so that it is not to blame.
  bool candidate_unread() const { return candidate_unread_; }

 private:
  using Ended = std::optional<evolution::Evaluation>;

  void greet(const std::function<bool()>& go_on);
  void exchange(std::chrono::milliseconds timeout);
  /// The next whole line that is a message. Others are logged.
  std::optional<from_evaluator::Message> next_message();
  /// Valid until the next exchange().
  std::optional<std::string_view> next_line();
  /// Whether the message ends the evaluation of `id`, and how.
  std::optional<Ended> take(evolution::IndividualId id, const from_evaluator::Message& message,
                            EvaluationProgress& at);
  void take_of_another(evolution::IndividualId id, const char* what);
  void breach(std::string problem);
  /// What ended the program, or why it must be killed.
  std::optional<evolution::Evaluation> look_for_end();
  void drop_program();

  std::unique_ptr<ChildProgram> program_;  ///< none: it has ended
  ProgramLog log_;
  from_evaluator::Hello hello_;
  std::set<evolution::IndividualId> earlier_;  ///< that it was given, and that have ended
  std::string to_write_;
  std::string standard_output_;  ///< what it has printed, from the last line that was read on
  std::size_t next_line_ = 0;    ///< where it begins there
  std::size_t looked_at_ = 0;    ///< no line ends between that and this
  std::string standard_error_;   ///< likewise
  bool begun_ = false;
  bool stop_asked_ = false;  ///< for the candidate that is evaluated
  int memory_parts_ = 1;     ///< of that one
  bool warned_of_late_ = false;
  bool candidate_unread_ = false;
  std::string breach_;                                           ///< how it has broken the protocol
  std::optional<std::chrono::steady_clock::time_point> closed_;  ///< its input or output
};

}  // namespace hierevo::search
