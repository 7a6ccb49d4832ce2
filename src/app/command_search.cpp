#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "evaluator_layout.hpp"
#include "evaluator_setup.hpp"
#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/comm/self_communicator.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/host_name.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/core/standard_error.hpp"
#include "hierevo/process/supervisor.hpp"
#include "hierevo/search/evaluator_pool.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/search_progress.hpp"
#include "preflight.hpp"
#include "program.hpp"
#include "progress_line.hpp"
#include "search_evaluators.hpp"
#include "search_options.hpp"
#include "shared_libraries.hpp"
#include "training_setup.hpp"

namespace hierevo::app {

namespace {

using search::SearchEnd;
using search::SearchStatus;

/// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  constexpr std::string_view harmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:,@%";
  if (!text.empty() && text.find_first_not_of(harmless) == text.npos) return text;
  std::string word = "'";
  for (const char letter : text) word += letter == '\'' ? "'\\''" : std::string(1, letter);
  return word + '\'';
}

/// The options of this start, and what is made of them on this process.
class SearchProgram {
 public:
  /// `in_force`: all options as INI lines; `lasting`: those that half-trained candidates depend on;
  /// `warnings`: what is odd about them.
  SearchProgram(const SearchCommandOptions& command, search::SearchOptions options,
                std::string in_force, std::string lasting, std::vector<std::string> warnings)
      : command_(command),
        options_(std::move(options)),
        in_force_(std::move(in_force)),
        lasting_(std::move(lasting)),
        warnings_(std::move(warnings)),
        last_moment_(last_moment(job_, options_.grace, std::chrono::system_clock::now())) {
    // Before MPI and any thread.
    if (command_.isolation == "process") supervisor_.emplace();
  }

  /// `problem`: what keeps this rank from starting. It is told once, by rank 0: its own, which with
  /// the options is everybody's, or the first one that another rank reports.
  int run(comm::Communicator& ranks, std::exception_ptr problem);
  /// `host` of rank 0, whose evaluators may share devices with those of this rank.
  void knows_host_of_rank_0(const std::string& host) { host_of_rank_0_ = host; }

  /// How long may take what comes after the search, no longer than --grace lasts: MPI's end waits
  /// for all ranks, and evaluators in this process for what they are in.
  std::chrono::duration<double> patience_with_the_end() const;

 private:
  void make_evaluators(const comm::Communicator& ranks);
  search::EvaluatorPoolOptions process_options(const comm::Communicator& ranks,
                                               const std::vector<EvaluatorPlace>& places) const;
  NodeShare node(const comm::Communicator& ranks) const;
  std::vector<EvaluatorPlace> places(const comm::Communicator& ranks, const NodeShare& node) const;
  std::int64_t memory_of_host(const comm::Communicator& ranks, const NodeShare& node) const;
  struct Outcome {
    SearchEnd end;
    SearchStatus last;
  };
  Outcome search_as(comm::Communicator& ranks, const std::string& error);
  bool time_is_up() const;
  std::string job_text() const;
  /// For rank 0: reports the outcome of the search.
  int conclude(const Outcome& outcome) const;
  void tell_what_is_next() const;
  int dry_run_ended() const;

  const SearchCommandOptions& command_;
  search::SearchOptions options_;
  std::string in_force_;
  std::string lasting_;
  std::vector<std::string> warnings_;  ///< for rank 0 to tell
  std::string host_of_rank_0_;
  SlurmJob job_ = SlurmJob::here();
  std::optional<std::chrono::system_clock::time_point> last_moment_;
  std::optional<process::Supervisor> supervisor_;
  std::optional<SearchEvaluators> in_this_process_;
  std::vector<std::unique_ptr<search::Evaluator>> local_;
  std::unique_ptr<search::Evaluators> evaluators_;
  std::optional<std::chrono::steady_clock::time_point> ending_since_;  ///< for rank 0
  bool all_left_ = false;                                              ///< likewise
};

NodeShare SearchProgram::node(const comm::Communicator& ranks) const {
  NodeShare node = command_.node();
  // Not where the launcher does not number the ranks of a node.
  const bool numbered = (node.local_rank == 0) == (ranks.rank() == 0);
  if (ranks.size() > 1 && numbered && host_of_rank_0_ == core::host_name()) {
    node.evaluators_of_rank_0 = command_.master_evaluates ? 1 : 0;
  }
  return node;
}

std::vector<EvaluatorPlace> SearchProgram::places(const comm::Communicator& ranks,
                                                  const NodeShare& node) const {
  const int threads = command_.training.threads;
  if (ranks.size() == 1) return evaluator_places_alone(node, command_.workers, threads);
  auto places = evaluator_places(node, command_.evaluators_per_device, threads);
  if (ranks.rank() == 0) places.resize(1);  // it coordinates besides
  return places;
}

/// For each evaluator of this node.
std::int64_t SearchProgram::memory_of_host(const comm::Communicator& ranks,
                                           const NodeShare& node) const {
  const int evaluators = ranks.size() == 1
                             ? command_.workers
                             : evaluators_of_node(node, command_.evaluators_per_device);
  return core::usable_memory() / evaluators;
}

search::EvaluatorPoolOptions SearchProgram::process_options(
    const comm::Communicator& ranks, const std::vector<EvaluatorPlace>& places) const {
  const char* program = command_.evaluator == "train" ? "hierevo-evaluator" : "hierevo-search";
  constexpr double gibibyte = 1 << 30;
  search::EvaluatorPoolOptions options;
  // A program of the user may have something to finish.
  if (command_.evaluator == "server") options.exit_limit = std::chrono::seconds(5);
  for (const EvaluatorPlace& place : places) {
    search::EvaluatorPoolOptions::One one;
    one.order.command = {sibling_program(program).string(), "evaluator"};
    if (!place.device.empty()) {
      one.order.environment.push_back("CUDA_VISIBLE_DEVICES=" + place.device);
    }
    if (command_.address_space_limit > 0.0) {
      one.order.memory_limit = static_cast<std::uint64_t>(command_.address_space_limit * gibibyte);
    }
    one.order.cpus = place.cores;
    const std::string name =
        ranks.size() > 1 ? fmt::format("rank {}, evaluator", ranks.rank()) : "evaluator";
    one.setup = EvaluatorSetup{.run = command_.run,
                               .options = in_force_,
                               .log_name = fmt::format("{} {}", name, options.evaluators.size()),
                               .device = place.device,
                               .sharing = place.sharing}
                    .text();
    options.evaluators.push_back(std::move(one));
  }
  return options;
}

void SearchProgram::make_evaluators(const comm::Communicator& ranks) {
  const NodeShare node = this->node(ranks);
  if (ranks.size() > 1 && !node.devices.empty()) {
    check_devices(job_, comm::MpiSession::ranks_on_this_node(), command_.master_evaluates);
  }
  if (ranks.rank() == 0 && ranks.size() > 1 && !command_.master_evaluates) return;
  const std::vector<EvaluatorPlace> places = this->places(ranks, node);
  options_.place = place_text(places, node);
  // Once, by the first rank that evaluates; the others are as this one.
  const bool trains = supervisor_ && command_.evaluator == "train";
  const std::string advice = trains ? advice_of_mps(places, node) : "";
  const bool first = ranks.rank() == 0 || (ranks.rank() == 1 && !command_.master_evaluates);
  if (first && !advice.empty()) core::log(core::LogLevel::warning, std::string_view(advice));
  if (command_.evaluator == "train") options_.evaluator_memory = memory_of_host(ranks, node);
  if (supervisor_) {
    evaluators_ = search::make_evaluator_pool(*supervisor_, process_options(ranks, places));
    return;
  }
  in_this_process_.emplace(command_, lasting_);
  std::vector<search::Evaluator*> pointers;
  for (std::size_t i = 0; i < places.size(); ++i) {
    local_.push_back(in_this_process_->make());
    pointers.push_back(local_.back().get());
  }
  // All of this process use one GPU.
  const int sharing = std::max(places.front().sharing, static_cast<int>(places.size()));
  evaluators_ = search::make_local_evaluators(pointers, in_this_process_->data(),
                                              in_this_process_->evaluator_memory(sharing));
}

std::string progress_text(const SearchStatus& status) {
  std::string text = search::evaluations_text(status.done, status.target);
  if (status.done < status.target) text += left_text(status.remaining_seconds);
  if (status.best) {
    text += fmt::format("  best {:.4f} (#{})", status.best_fitness, number(*status.best));
  }
  text += fmt::format("  failed {}  busy {}/{}", status.failed, status.busy, status.workers);
  if (status.lost_ranks > 0) text += fmt::format("  ranks lost {}", status.lost_ranks);
  return text + "  " + core::duration_text(status.elapsed_seconds);
}

/// Time to save before the job's limit, also where no signal announces that.
bool SearchProgram::time_is_up() const {
  return last_moment_ && std::chrono::system_clock::now() >= *last_moment_;
}

std::string SearchProgram::job_text() const {
  if (!job_.end) return {};
  const std::chrono::duration<double> left = *job_.end - std::chrono::system_clock::now();
  return fmt::format("  (job ends in {})", core::duration_text(left.count()));
}

SearchProgram::Outcome SearchProgram::search_as(comm::Communicator& ranks,
                                                const std::string& error) {
  const bool reports = ranks.rank() == 0 && !options_.dry_run;
  ProgressLine line(reports ? ProgressLine::mode_named(command_.progress)
                            : ProgressLine::Mode::off);
  SearchStatus last;
  const auto show = [&](const SearchStatus& status) {
    last = status;
    if (status.ending && !ending_since_) ending_since_ = std::chrono::steady_clock::now();
    if (line.due()) line.show(progress_text(status) + job_text());
  };
  const SearchEnd end = naming_options([&] {
    return search::run_search(ranks, options_, evaluators_.get(), error, show,
                              [this] { return stop_signal_came() || time_is_up(); });
  });
  line.end();
  return {end, last};
}

/// The commands that are most useful after a search, to be copied.
void SearchProgram::tell_what_is_next() const {
  const std::string run = shell_word(options_.run.string());
  core::write_line("Finished. Everything is in '{}'. Next:", options_.run.string());
  core::write_line("  hierevo report --run {}    a page: how it went, the best cells", run);
  if (command_.evaluator == "train") {
    core::write_line(
        "  hierevo train --run {} --model cifar-large --channels 16 --steps 2000 --out {}    the "
        "best "
        "cell in a larger network",
        run, shell_word(options_.run.string() + "-large"));
  } else {
    core::write_line("  hierevo inspect --run {}    the best cell and what it costs", run);
  }
  if (command_.runs_program()) {
    core::write_line("  hierevo export --run {} --format json    it as a file, for a program", run);
  } else {
    core::write_line("  hierevo export --run {} --format pytorch    its network as Python", run);
  }
}

int SearchProgram::conclude(const Outcome& outcome) const {
  const auto& [end, last] = outcome;
  if (end == SearchEnd::checked) return dry_run_ended();
  const std::string best =
      last.evaluated > 0 ? fmt::format("best {:.4f}: individual {}, {} parameters",
                                       last.best_fitness, number(*last.best), last.best_parameters)
                         : "no successful evaluation";
  core::write_line("{} ({} failed), {}.", search::evaluations_text(last.done, last.target),
                   last.failed, best);
  switch (end) {
    case SearchEnd::finished:
      if (last.evaluated == 0) {
        core::write_line(
            "Finished without a result: {} failed, {} were invalid or over a bound such as "
            "--max-training-memory. See hierevo status --run '{}'.",
            last.failed, last.done - last.failed, options_.run.string());
        return static_cast<int>(core::ExitCode::failures);
      }
      tell_what_is_next();
      return static_cast<int>(core::ExitCode::finished);
    case SearchEnd::saved:
      core::write_line("Stopped and saved in '{}'. Run the same command again to resume.",
                       options_.run.string());
      return static_cast<int>(core::ExitCode::saved);
    case SearchEnd::failures:
      core::write_line("Saved in '{}'. All failures with their reasons: hierevo report --run {}",
                       options_.run.string(), shell_word(options_.run.string()));
      core::write_line(
          last.evaluated > 0
              ? "Fix the cause and run the same command again to resume."
              : "Fix the cause and begin again in another --run: what has failed is not evaluated "
                "again, and the evolution would begin with what little comes then.");
      break;
    case SearchEnd::checked:
      break;
  }
  return static_cast<int>(core::ExitCode::failures);
}

int SearchProgram::dry_run_ended() const {
  core::write_line(
      "Everything is ready to search the {} space by {} in '{}': {} evaluations, {} of them random "
      "at the start. Nothing was written.",
      options_.engine.space.name(), name(options_.engine.algorithm), options_.run.string(),
      options_.engine.evaluations,
      std::min(options_.engine.population, options_.engine.evaluations));
  return 0;
}

int SearchProgram::run(comm::Communicator& ranks, std::exception_ptr problem) {
  core::configure_log(command_.verbose ? core::LogLevel::debug : core::LogLevel::info,
                      ranks.size() > 1 ? fmt::format("rank {}", ranks.rank()) : "hierevo");
  std::string error;
  try {
    if (problem) std::rethrow_exception(problem);
    if (ranks.rank() == 0) {
      for (const std::string& warning : warnings_) {
        core::log(core::LogLevel::warning, std::string_view(warning));
      }
      check_room(options_.run);
    }
    make_evaluators(ranks);
  } catch (const std::exception& reason) {
    if (ranks.rank() == 0) {
      search::dismiss_workers(ranks);
      throw;
    }
    error = core::failure_of(reason).text;
  }
  const Outcome outcome = search_as(ranks, error);
  if (ranks.rank() == 0) {
    all_left_ = outcome.last.all_left;
    return conclude(outcome);
  }
  // What becomes of the search does not depend on this rank, but for the one that has lost rank 0.
  const bool lost = outcome.end == SearchEnd::saved;
  return static_cast<int>(lost ? core::ExitCode::saved : core::ExitCode::finished);
}

std::chrono::duration<double> SearchProgram::patience_with_the_end() const {
  using Seconds = std::chrono::duration<double>;
  // All that have left come, but those of a large job take their time. Others need not come at all.
  const Seconds longest(all_left_ ? 20.0 : 8.0);
  if (!ending_since_) return longest;
  const Seconds rest = options_.grace - (std::chrono::steady_clock::now() - *ending_since_);
  return std::clamp(rest, Seconds(2.0), longest);
}

/// What `check` throws.
std::exception_ptr problem_of(const std::function<void()>& check) {
  try {
    check();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

/// All ranks together, before they begin: a problem of this rank is `problem`, or that it does not
/// have the run directory of rank 0.
std::exception_ptr problem_with_folder(const comm::MpiSession& session, int rank,
                                       const std::filesystem::path& run,
                                       std::exception_ptr problem) {
  std::optional<SharedFolderToken> token;
  if (rank == 0 && !problem) problem = problem_of([&] { token.emplace(run); });
  const std::string told = session.from_rank_0(token ? token->text() : "");
  if (rank != 0 && !problem && !told.empty()) {
    problem = problem_of([&] { check_shared(run, told); });
  }
  session.meet();
  return problem;
}

/// Ends this process in a while, should it still be there: MPI's end may wait for a lost rank for
/// ever, also for one that nobody has missed yet, and a thread that hangs in an evaluation for what
/// never comes.
void end_soon(int code, std::chrono::duration<double> patience) {
  std::thread([code, patience] {
    std::this_thread::sleep_for(patience);
    ::_exit(code);
  }).detach();
}

/// An existing run must have been begun with the same options.
void check_recorded(const OptionSet& options, const SearchCommandOptions& now) {
  const auto recorded = search::RunDirectory::configuration_of(now.run);
  if (!recorded) {
    if (!core::path_exists(search::RunDirectory::snapshot_path(now.run))) return;
    throw options_lost(now.run, "--run");
  }
  options.require_same(*recorded, now.run, "--run");
  const std::string then = OptionSet::value_in(*recorded, "command");
  if (then != now.command) {
    core::log(core::LogLevel::warning,
              "--command was '{}' and is '{}' now: their fitness is assumed to be the same", then,
              now.command);
  }
}

/// Where all evaluations are random genotypes; else empty.
std::string no_evolution(const evolution::EngineOptions& engine) {
  if (engine.algorithm == evolution::Algorithm::random) return "";
  if (engine.population < engine.evaluations) return "";
  return core::error_text(fmt::format("--population is {} and --evaluations is {}",
                                      engine.population, engine.evaluations),
                          "all candidates will be random: evolution never begins",
                          "Give a smaller --population or more --evaluations.");
}

std::vector<std::string> warnings_of(const SearchCommandOptions& command, const OptionSet& options,
                                     const search::SearchOptions& search, const SlurmJob& job) {
  const int at_once =
      comm::MpiSession::launched_by_mpi() ? command.evaluators_per_device : command.workers;
  const int cores = static_cast<int>(command.node().cores.size());
  std::vector<std::string> warnings = {no_evolution(search.engine)};
  if (command.evaluator == "train") {
    warnings.push_back(
        odd_threads(job, command.training.threads, options.given("threads"), at_once, cores));
  }
  std::erase(warnings, "");
  return warnings;
}

}  // namespace

int command_search(const Arguments& arguments) {
  SearchCommandOptions command;
  OptionSet options("usage: hierevo search --run DIR [options], alone or under mpirun or srun",
                    "Finds a cell by asynchronous evolution. Under mpirun, rank 0 coordinates and "
                    "the other ranks\n"
                    "evaluate. The same command resumes an interrupted search.");
  command.add_to(options);
  const SlurmJob job = SlurmJob::here();
  const bool many = comm::MpiSession::launched_by_mpi();
  // Tasks that do not know of each other all refuse, and one reports why.
  const bool told_by_another = job.step_tasks > 1 && job.rank > 0;
  search::SearchOptions search_options;
  std::vector<std::string> warnings;
  std::exception_ptr problem;
  try {
    if (!options.parse(arguments)) return 0;
    search_options = command.search();
    check_launch(job, many, options.given("workers"), "give --workers N");
    if (many && options.given("workers")) {
      throw core::UsageError("--workers cannot be used under mpirun", "its ranks are the workers",
                             "Start mpirun with one more rank than the workers you want.");
    }
    check_recorded(options, command);
    if (command.evaluator == "train" && command.isolation == "process") {
      provide_libraries(sibling_program("hierevo-evaluator"));  // for the evaluators to inherit
    }
    const char* log = std::getenv("HIEREVO_LOG");  // of a job script, whose ranks write to pipes
    search_options.log = log != nullptr ? log : core::standard_error_file();
    search_options.configuration = options.record();
    warnings = warnings_of(command, options, search_options, job);
  } catch (...) {
    if (!many && told_by_another) return static_cast<int>(core::ExitCode::usage);
    if (!many) throw;
    problem = std::current_exception();
  }
  search_options.fingerprint = core::hash_text(options.common());
  const bool trains_here = command.evaluator == "train" && command.isolation == "none";
  if (trains_here && !TrainingSetup::available() && !this_program_is("hierevo-evaluator")) {
    std::vector<std::string> again = {"search"};
    again.insert(again.end(), arguments.begin(), arguments.end());
    become("hierevo-evaluator", again);
  }
  SearchProgram program(command, std::move(search_options), options.in_force(), options.lasting(),
                        std::move(warnings));
  catch_stop_signals();
  outlive_readers();
  if (!many) {
    comm::SelfCommunicator self;
    const int code = guarded([&] { return program.run(self, nullptr); });
    end_soon(code, program.patience_with_the_end());
    return code;
  }
  comm::MpiSession session;
  comm::MpiCommunicator ranks;
  if (ranks.size() == 1 && told_by_another) return static_cast<int>(core::ExitCode::usage);
  if (!problem) problem = problem_of([&] { check_ranks(job, many, ranks.size()); });
  if (ranks.size() > 1) {
    program.knows_host_of_rank_0(session.from_rank_0(core::host_name()));
    problem = problem_with_folder(session, ranks.rank(), command.run, problem);
  }
  // Errors are reported inside, so that the session ends in order.
  const int code = guarded([&] { return program.run(ranks, problem); });
  end_soon(code, program.patience_with_the_end());  // all has been saved
  // Rank 0 sends the others home before it fails. Another rank that fails must not wait for them:
  // it is lost, and whether they continue without it is for the launcher to decide.
  const bool saved = code == static_cast<int>(core::ExitCode::saved);
  if (code != 0 && !saved && ranks.rank() != 0) ::_exit(code);
  return code;
}

}  // namespace hierevo::app
