#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "commands.hpp"
#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/comm/self_communicator.hpp"
#include "hierevo/comm/thread_group.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "hierevo/search/run_directory.hpp"
#include "program.hpp"
#include "progress_line.hpp"
#include "search_options.hpp"
#include "training_setup.hpp"

namespace hierevo::app {

namespace {

using search::SearchEnd;
using search::SearchStatus;

/// The options of this start, and what is made of them on this process.
class SearchProgram {
 public:
  /// `lasting`: the options, as INI lines, that half-trained candidates depend on.
  SearchProgram(const SearchCommandOptions& command, search::SearchOptions options,
                std::string lasting)
      : command_(command), options_(std::move(options)), half_trained_options_(std::move(lasting)) {
    options_.fingerprint = core::hash_text(options_.configuration);
  }

  int run_ranks(comm::Communicator& ranks, std::exception_ptr problem);
  int run_alone();
  int run_threads();

 private:
  std::unique_ptr<search::Evaluator> make_evaluator();
  /// Reads the data where they are needed; afterwards the model fits them.
  void set_up();
  struct Outcome {
    SearchEnd end;
    SearchStatus last;
  };
  Outcome search_as(comm::Communicator& ranks, search::Evaluator* evaluator,
                    const std::string& error);
  /// For rank 0: tells what became of the search.
  int conclude(const Outcome& outcome) const;
  int dry_run_ended() const;

  const SearchCommandOptions& command_;
  search::SearchOptions options_;
  std::string half_trained_options_;
  std::optional<TrainingSetup> training_;
};

void SearchProgram::set_up() {
  if (command_.evaluator != "train") return;
  training_.emplace(command_.data, command_.training, command_.repeats, command_.seed);
  options_.model = training_->adapted(options_.model);
}

std::unique_ptr<search::Evaluator> SearchProgram::make_evaluator() {
  if (training_) {
    return training_->make_evaluator(
        options_.model, {.path =
                             [run = options_.run](const evolution::Candidate& candidate) {
                               return search::RunDirectory::half_trained_path(run, candidate.id);
                             },
                         .every = std::chrono::duration<double>(command_.evaluation_checkpoint),
                         .options = half_trained_options_});
  }
  if (command_.evaluator == "synthetic") {
    return search::make_synthetic_evaluator(
        std::chrono::duration<double, std::milli>(command_.synthetic_ms));
  }
  std::vector<std::string> words;
  try {
    words = boost::program_options::split_unix(command_.command);
  } catch (const std::runtime_error& error) {
    throw core::UsageError(fmt::format("--command is '{}'", command_.command), error.what(),
                           "Quote as in a shell.");
  }
  return search::make_command_evaluator(std::move(words));
}

std::string progress_text(const SearchStatus& status) {
  std::string text = fmt::format("{}/{} evaluations", status.done, status.target);
  if (status.best) {
    text += fmt::format("  best {:.4f} (#{})", status.best_fitness, number(*status.best));
  }
  text += fmt::format("  failed {}  busy {}/{}", status.failed, status.busy, status.workers);
  text += fmt::format("  {}", duration_text(status.elapsed_seconds));
  if (status.remaining_seconds && status.done < status.target) {
    text += fmt::format(", {} left", duration_text(*status.remaining_seconds));
  }
  return text;
}

SearchProgram::Outcome SearchProgram::search_as(comm::Communicator& ranks,
                                                search::Evaluator* evaluator,
                                                const std::string& error) {
  ProgressLine line(ranks.rank() == 0 ? ProgressLine::mode_named(command_.progress)
                                      : ProgressLine::Mode::off);
  SearchStatus last;
  const auto show = [&](const SearchStatus& status) {
    last = status;
    if (line.due()) line.show(progress_text(status));
  };
  const SearchEnd end =
      search::run_search(ranks, options_, evaluator, error, show, stop_signal_came);
  line.end();
  return {end, last};
}

int SearchProgram::conclude(const Outcome& outcome) const {
  const auto& [end, last] = outcome;
  if (end == SearchEnd::checked) return dry_run_ended();
  const std::string best =
      last.evaluated > 0 ? fmt::format("best {:.4f}: individual {}, {} parameters",
                                       last.best_fitness, number(*last.best), last.best_parameters)
                         : "none evaluated with success";
  fmt::print(stderr, "{} of {} evaluations ({} failed), {}.\n", last.done, last.target, last.failed,
             best);
  switch (end) {
    case SearchEnd::finished:
      if (last.evaluated == 0) {
        fmt::print(stderr,
                   "Finished without a result: {} failed, {} were invalid or over a bound such as "
                   "--max-memory. See hierevo status --run '{}'.\n",
                   last.failed, last.done - last.failed, options_.run.string());
        return static_cast<int>(core::ExitCode::failures);
      }
      fmt::print(stderr, "Finished. Everything is in '{0}'; next: hierevo inspect --run '{0}'\n",
                 options_.run.string());
      return static_cast<int>(core::ExitCode::finished);
    case SearchEnd::saved:
      fmt::print(stderr, "Stopped and saved in '{}'. Run the same line again to go on.\n",
                 options_.run.string());
      return static_cast<int>(core::ExitCode::saved);
    case SearchEnd::failures:
    case SearchEnd::checked:
      break;
  }
  return static_cast<int>(core::ExitCode::failures);
}

int SearchProgram::dry_run_ended() const {
  fmt::print(stderr,
             "All is ready to search the {} space by {} in '{}': {} evaluations, {} of them random "
             "at the start. Nothing was written.\n",
             options_.engine.space.name(), name(options_.engine.algorithm), options_.run.string(),
             options_.engine.evaluations,
             std::min(options_.engine.population, options_.engine.evaluations));
  return 0;
}

/// What keeps a rank from starting is told once, by rank 0: its own problem, which with the options
/// is everybody's, or the first one that another rank reports.
int SearchProgram::run_ranks(comm::Communicator& ranks, std::exception_ptr problem) {
  core::configure_log(core::LogLevel::info, fmt::format("rank {}", ranks.rank()));
  std::unique_ptr<search::Evaluator> evaluator;
  std::string error;
  try {
    if (problem) std::rethrow_exception(problem);
    set_up();
    evaluator = make_evaluator();
  } catch (const std::exception& reason) {
    if (ranks.rank() == 0) {
      search::dismiss_workers(ranks);
      throw;
    }
    error = reason.what();
  }
  const Outcome outcome = search_as(ranks, evaluator.get(), error);
  return ranks.rank() == 0 ? conclude(outcome) : 0;
}

int SearchProgram::run_alone() {
  set_up();
  const auto evaluator = make_evaluator();
  comm::SelfCommunicator self;
  return conclude(search_as(self, evaluator.get(), ""));
}

int SearchProgram::run_threads() {
  set_up();
  std::vector<std::unique_ptr<search::Evaluator>> evaluators;
  for (int i = 0; i < command_.workers; ++i) evaluators.push_back(make_evaluator());
  comm::ThreadGroup group(command_.workers + 1);
  Outcome outcome;
  {
    std::vector<std::jthread> threads;
    for (int rank = 1; rank <= command_.workers; ++rank) {
      threads.emplace_back([&, rank] {
        auto& evaluator = evaluators[static_cast<std::size_t>(rank - 1)];
        search::run_search(group.communicator(rank), options_, evaluator.get(), "", {},
                           stop_signal_came);
      });
    }
    outcome = search_as(group.communicator(0), nullptr, "");
  }  // all have saved what they had begun
  return conclude(outcome);
}

/// An existing run must have been begun with the same options.
void check_recorded(const OptionSet& options, const SearchCommandOptions& now) {
  const auto recorded = search::RunDirectory::configuration_of(now.run);
  if (!recorded) return;
  options.require_same(*recorded, options_that_may_change(), now.run, "--run");
  const std::string then = OptionSet::value_in(*recorded, "command");
  if (then != now.command) {
    core::log(core::LogLevel::warning,
              "--command was '{}' and is '{}' now: their fitness is taken to be the same", then,
              now.command);
  }
}

}  // namespace

int command_search(const Arguments& arguments) {
  SearchCommandOptions command;
  OptionSet options("usage: hierevo search --run DIR [options], alone or under mpirun or srun",
                    "Finds a cell by asynchronous evolution. Under mpirun, rank 0 coordinates and "
                    "the other ranks\n"
                    "evaluate. The same line goes on with a search that was interrupted.");
  command.add_to(options);
  const bool many = comm::MpiSession::launched_by_mpi();
  search::SearchOptions search_options;
  std::exception_ptr problem;
  try {
    if (!options.parse(arguments)) return 0;
    search_options = command.search();
    if (many && options.given("workers")) {
      throw core::UsageError("--workers cannot be used under mpirun", "its ranks are the workers",
                             "Give mpirun one rank more than there shall be workers.");
    }
    check_recorded(options, command);
    search_options.configuration = options.record();
  } catch (...) {
    if (!many) throw;
    problem = std::current_exception();
  }
  SearchProgram program(command, std::move(search_options),
                        options.record(options_that_may_change()));
  catch_stop_signals();
  if (!many) return command.workers > 1 ? program.run_threads() : program.run_alone();
  comm::MpiSession session;
  comm::MpiCommunicator ranks;
  // Errors are reported inside, so that the session ends in order.
  const int code = guarded([&] { return program.run_ranks(ranks, problem); });
  // Rank 0 sends the others home before it fails. Of another rank it does not know, and would wait.
  if (code != 0 && ranks.rank() != 0) comm::MpiSession::abort(code);
  return code;
}

}  // namespace hierevo::app
