#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/process/start_program.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "in_flight_file.hpp"
#include "server_session.hpp"

namespace hierevo::search {

namespace {

namespace fs = std::filesystem;
using evolution::Evaluation;
using evolution::Status;

/// Starts the program once, and again after it has ended.
class ServerEvaluator final : public Evaluator {
 public:
  ServerEvaluator(std::vector<std::string> command, fs::path run,
                  const std::function<bool()>& go_on)
      : command_(std::move(command)),
        environment_(process::environment_with({})),
        run_(std::move(run)) {
    session_ = std::make_unique<ServerSession>(
        std::make_unique<ChildProgram>(command_, environment_, ChildProgram::Input::written),
        go_on);
  }

  std::optional<Evaluation> evaluate(const Work& work, const ProgressCallback& progress) override {
    // One that exits behind each result may do so at the moment when it is given the next.
    for (int attempt = 1;; ++attempt) {
      auto evaluation = evaluate_once(work, progress);
      if (!session_ || !session_->candidate_unread() || attempt == most_attempts) return evaluation;
    }
  }

 private:
  static constexpr int most_attempts = 3;

  std::optional<Evaluation> evaluate_once(const Work& work, const ProgressCallback& progress) {
    if (!session_ || !session_->usable()) {
      session_.reset();
      try {
        start([&] { return progress({}); });
      } catch (const core::UsageError& error) {
        return Evaluation::failure(Status::crashed, error.what());
      }
      if (!session_ || !session_->begun()) return std::nullopt;  // it was asked to end meanwhile
    }
    return session_->evaluate(work, folder_of(work.candidate.id), progress);
  }

  /// The program makes it, when it first saves. Empty without a run.
  fs::path folder_of(evolution::IndividualId id) {
    if (run_.empty()) return {};
    fs::path folder = candidate_folder(run_, id);
    // Not for each candidate: folders are on a file system that many nodes share.
    std::error_code is_there;
    if (!std::exchange(in_flight_made_, true)) fs::create_directory(folder.parent_path(), is_there);
    return folder;
  }

  void start(const std::function<bool()>& go_on) {
    auto program =
        ChildProgram::start_patiently(command_, environment_, ChildProgram::Input::written, go_on);
    if (program) session_ = std::make_unique<ServerSession>(std::move(program), go_on);
  }

  std::vector<std::string> command_;
  std::vector<std::string> environment_;
  fs::path run_;
  bool in_flight_made_ = false;
  std::unique_ptr<ServerSession> session_;
};

/// Messages are JSON, which has no other texts.
void require_utf8(const fs::path& run) {
  try {
    static_cast<void>(nlohmann::json(run.string()).dump());
  } catch (const nlohmann::json::type_error&) {
    throw core::UsageError("The path of the run directory is not UTF-8",
                           "messages to a program that evaluates have it, as JSON",
                           "Choose another folder.");
  }
}

}  // namespace

std::unique_ptr<Evaluator> make_server_evaluator(std::vector<std::string> command, fs::path run,
                                                 const std::function<bool()>& go_on) {
  require_program(command);
  require_utf8(run);
  return std::make_unique<ServerEvaluator>(std::move(command), std::move(run), go_on);
}

}  // namespace hierevo::search
