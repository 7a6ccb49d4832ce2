#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "child_program.hpp"
#include "genotype_file.hpp"
#include "hierevo/process/start_program.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "in_flight_file.hpp"
#include "last_line.hpp"
#include "program_log.hpp"

namespace hierevo::search {

namespace {

namespace fs = std::filesystem;
using evolution::Evaluation;
using evolution::Status;

/// What is kept of a program's output, from its end.
constexpr std::size_t longest_kept_output = std::size_t{1} << 16;

/// Starts the program for each candidate.
class ExternalEvaluator final : public Evaluator {
 public:
  ExternalEvaluator(std::vector<std::string> command, fs::path run)
      : command_(std::move(command)), run_(std::move(run)) {}

  std::optional<Evaluation> evaluate(const Work& work, const ProgressCallback& progress) override {
    const GenotypeFile file(work.candidate, run_);
    std::vector<std::string> command = command_;
    command.push_back(file.path().string());
    const auto program = ChildProgram::start_patiently(
        command, environment_for(work), ChildProgram::Input::none, [&] { return progress({}); });
    if (!program) return std::nullopt;
    std::string no_input;
    std::string output;
    std::string error;
    ProgramLog log;
    log.begin(work.candidate.id);
    while (true) {
      if (!progress({})) return std::nullopt;
      // One that prints no more ends in a moment.
      program->exchange(no_input, output, error,
                        std::chrono::milliseconds(program->prints_no_more() ? 5 : 50));
      if (output.size() > 2 * longest_kept_output)
        output.erase(0, output.size() - longest_kept_output);
      log.take(error);
      auto end = program->ended();
      if (!end) continue;
      program->read_rest(output, error);
      log.take(error, /*all=*/true);
      if (end->status == Status::evaluated) return read_last_line(output);
      end->reason = log.with_last_words(end->reason);
      return end;
    }
  }

 private:
  std::vector<std::string> environment_for(const Work& work) const {
    const auto& candidate = work.candidate;
    std::vector<std::string> more = {fmt::format("HIEREVO_ID={}", number(candidate.id)),
                                     fmt::format("HIEREVO_SEED={}", candidate.seed),
                                     fmt::format("HIEREVO_MEMORY_PARTS={}", work.memory_parts)};
    if (!run_.empty()) more.push_back("HIEREVO_FOLDER=" + candidate_folder(run_, candidate.id));
    return process::environment_with(more);
  }

  std::vector<std::string> command_;
  fs::path run_;
};

}  // namespace

std::unique_ptr<Evaluator> make_external_evaluator(std::vector<std::string> command, fs::path run) {
  require_program(command);
  return std::make_unique<ExternalEvaluator>(std::move(command), std::move(run));
}

}  // namespace hierevo::search
