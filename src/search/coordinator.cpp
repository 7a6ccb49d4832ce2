#include "coordinator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/version.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;
using evolution::number;

/// Snapshots take at most this share of the time, and where a journal is written come no more often
/// than this.
constexpr int snapshot_share = 100;
constexpr auto snapshot_interval = 30s;
/// How long a search that ends waits for a full disk, and for workers that have not reported.
constexpr auto patience_at_the_end = 30s;
/// Candidates that need no evaluation are decided in groups, so that signals and messages are seen.
constexpr int most_decided_at_once = 1000;

void check_same_run(const evolution::EngineOptions& saved, const evolution::EngineOptions& wanted,
                    const std::filesystem::path& run) {
  const auto require = [&](bool same, std::string_view option, const auto& then, const auto& now) {
    if (same) return;
    throw core::UsageError(fmt::format("--{} is {} but the run in '{}' began with {}", option, now,
                                       run.string(), then),
                           "its results could not be compared",
                           "Use the same options again, or another --run.");
  };
  require(saved.space == wanted.space, "space", saved.space.name(), wanted.space.name());
  require(saved.algorithm == wanted.algorithm, "algorithm", name(saved.algorithm),
          name(wanted.algorithm));
  require(saved.population == wanted.population, "population", saved.population, wanted.population);
  require(saved.tournament == wanted.tournament, "tournament", saved.tournament, wanted.tournament);
  require(saved.seed == wanted.seed, "seed", saved.seed, wanted.seed);
  require(saved.start_mutations == wanted.start_mutations, "start-mutations", saved.start_mutations,
          wanted.start_mutations);
}

/// The engine, new or as the run directory has it; `progress` becomes the sums of earlier starts.
evolution::Engine make_engine(const std::optional<RunDirectory>& directory,
                              const SearchOptions& options, io::RunProgress& progress) {
  auto snapshot = directory ? directory->load() : std::nullopt;
  if (!snapshot) return evolution::Engine(options.engine);
  check_same_run(snapshot->options, options.engine, directory->path());
  progress = snapshot->progress;
  return evolution::Engine(options.engine, std::move(snapshot->state));
}

std::optional<RunDirectory> open_directory(const SearchOptions& options) {
  if (options.dry_run && !core::path_exists(options.run)) {
    RunDirectory::require_makeable(options.run);
    return std::nullopt;
  }
  return RunDirectory(options.run);
}

/// "crashed: the program ended by signal 9"; of the general status only the reason is told.
std::string failure_text(const evolution::Evaluation& evaluation) {
  if (evaluation.reason.empty()) return std::string(name(evaluation.status));
  if (evaluation.status == evolution::Status::failed) return evaluation.reason;
  return fmt::format("{}: {}", name(evaluation.status), evaluation.reason);
}

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Coordinator::Coordinator(comm::Communicator& ranks, const SearchOptions& options,
                         const StatusCallback& on_status, const StopCallback& stop_requested)
    : ranks_(ranks),
      options_(options),
      on_status_(on_status),
      stop_requested_(stop_requested),
      directory_(open_directory(options)),
      engine_(make_engine(directory_, options, progress_)),
      screening_(options) {
  const int first_worker = ranks.size() == 1 || options.master_evaluates ? 0 : 1;
  for (int rank = first_worker; rank < ranks.size(); ++rank) workers_[rank];
  for (const auto& individual : engine_.history()) {
    screening_.remember(individual.evaluation);
    count(individual.evaluation.status);
  }
  done_before_ = engine_.history().size();
  saved_ = done_before_;
  if (!options.dry_run && !options.configuration.empty()) {
    directory_->save_configuration(options.configuration);
  }
  if (done_before_ > 0) {
    core::log(core::LogLevel::info, "Going on with {} of {} evaluations done, {} to go on with",
              done_before_, options.engine.evaluations, engine_.in_flight_count());
  }
}

Coordinator::WorkerState* Coordinator::state_of(int rank) {
  const auto found = workers_.find(rank);
  return found == workers_.end() ? nullptr : &found->second;
}

void Coordinator::handle(const comm::Message& message) {
  const auto decoded = decode(message.data);
  if (!decoded || state_of(message.source) == nullptr) {
    core::log(core::LogLevel::warning, "A message from rank {} is not of the protocol; ignored",
              message.source);
    return;
  }
  account(Clock::now());
  if (const auto* hello = std::get_if<Hello>(&*decoded)) greeted(message.source, *hello);
  if (const auto* result = std::get_if<Result>(&*decoded)) finished_one(message.source, *result);
  if (std::holds_alternative<Leave>(*decoded)) stop_asked_ = true;
}

void Coordinator::greeted(int rank, const Hello& hello) {
  const auto refuse = [&](std::string_view why, std::string_view suggestion) {
    throw core::UsageError(fmt::format("Rank {} on {} cannot take part", rank, hello.host), why,
                           suggestion);
  };
  if (!hello.error.empty()) refuse(hello.error, "Mend this on that host.");
  if (hello.program != core::version()) {
    refuse(fmt::format("it runs hierevo {}, rank 0 runs {}", hello.program, core::version()),
           "Use one installation on all nodes.");
  }
  if (hello.fingerprint != options_.fingerprint) {
    refuse("its options differ from those of rank 0", "Start all ranks with the same options.");
  }
  WorkerState& worker = workers_.at(rank);
  if (worker.ready) {
    core::log(core::LogLevel::warning, "Rank {} said Hello twice; ignored", rank);
    return;
  }
  worker.ready = true;
  ++ready_;
  idle_.insert(rank);
}

void Coordinator::finished_one(int rank, const Result& result) {
  WorkerState& worker = workers_.at(rank);
  if (worker.id != result.id) {
    core::log(core::LogLevel::warning,
              "Rank {} sent a result of candidate {} that it was not given", rank,
              number(result.id));
    return;
  }
  evolution::Evaluation evaluation = result.evaluation;
  evaluation.parameters = worker.facts.parameters;
  evaluation.macs = worker.facts.macs;
  evaluation.phenotype = worker.facts.phenotype;
  evaluation.worker = rank;
  worker.id.reset();
  idle_.insert(rank);
  record(result.id, evaluation);
}

void Coordinator::count(evolution::Status status) {
  const bool reused = status == evolution::Status::reused;
  reused_ += reused ? 1 : 0;
  evaluated_ += reused || status == evolution::Status::evaluated ? 1 : 0;
}

void Coordinator::record(evolution::IndividualId id, const evolution::Evaluation& evaluation) {
  engine_.tell(id, evaluation);
  if (journal_) journal_->told(id, evaluation);
  screening_.remember(evaluation);
  unsaved_ = true;
  count(evaluation.status);
  if (evolution::is_failure(evaluation.status)) {
    failing_reasons_.push_back(failure_text(evaluation));
    core::log(core::LogLevel::warning, "Candidate {} failed: {}", number(id),
              failing_reasons_.back());
  } else if (evaluation.status == evolution::Status::evaluated) {
    failing_reasons_.clear();
  }
}

std::optional<std::pair<evolution::Candidate, evolution::Evaluation>>
Coordinator::next_to_evaluate() {
  for (int decided = 0; decided < most_decided_at_once; ++decided) {
    auto candidate = engine_.ask();
    if (!candidate) break;
    if (journal_) journal_->asked(*candidate);
    Screening::Facts facts = screening_.look_at(*candidate);
    if (!facts.decided) return std::pair(std::move(*candidate), std::move(facts.evaluation));
    record(candidate->id, facts.evaluation);
  }
  return std::nullopt;
}

void Coordinator::hand_out() {
  if (ready_ < workers_.size()) return;
  while (!idle_.empty()) {
    auto next = next_to_evaluate();
    if (!next) return;
    account(Clock::now());
    const int rank = *idle_.begin();
    idle_.erase(idle_.begin());
    WorkerState& worker = workers_.at(rank);
    worker.id = next->first.id;
    worker.facts = std::move(next->second);
    ranks_.send(rank, encode(Work{std::move(next->first)}));
  }
}

void Coordinator::tick() {
  if (end_) return;
  if (options_.dry_run) {
    if (ready_ < workers_.size()) return;
    dismiss_workers();
    end_ = SearchEnd::checked;
    return;
  }
  if (!ending_) {
    hand_out();
    if (engine_.finished()) {
      finish(SearchEnd::finished);
    } else if (stop_asked_ || (stop_requested_ && stop_requested_())) {
      finish(SearchEnd::saved);
    } else if (failing_reasons_.size() >= options_.failures_in_series) {
      core::log(core::LogLevel::error, "{}", failure_summary());
      finish(SearchEnd::failures);
    }
  }
  write_journal();
  account(Clock::now());
  if (ending_) {
    try_to_end();
  } else {
    save_when_due("running");
  }
  if (on_status_) on_status_(status());
}

void Coordinator::finish(SearchEnd end) {
  ending_ = end;
  ending_since_ = Clock::now();
  next_save_ = ending_since_;
  unsaved_ = true;
}

/// Ends when all is saved, and when all workers have reported: one that reports later would disturb
/// the next search over the same ranks. Both are waited for, but not for ever.
void Coordinator::try_to_end() {
  const bool patient = Clock::now() - ending_since_ < patience_at_the_end;
  const bool finished = *ending_ == SearchEnd::finished;
  const char* state = finished ? "finished" : (*ending_ == SearchEnd::saved ? "saved" : "stopped");
  if (patient) {
    save_when_due(state);
  } else if (unsaved_) {
    save_at_last(state);
  }
  if (unsaved_ || (patient && ready_ < workers_.size())) return;
  dismiss_workers();
  end_ = ending_;
}

void Coordinator::dismiss_workers() {
  if (dismissed_) return;
  dismissed_ = true;
  search::dismiss_workers(ranks_);
}

void Coordinator::save_when_due(const std::string& state) {
  const auto now = Clock::now();
  if (!unsaved_ || now < next_save_) return;
  try {
    save(state);
    const auto after = Clock::now();
    next_save_ = after + snapshot_share * (after - now);
    if (journal_) next_save_ = std::max(next_save_, after + snapshot_interval);
  } catch (const core::IoError& error) {
    // The search goes on from memory; the last good snapshot is still there.
    core::log(core::LogLevel::error,
              "{} Trying again; {} evaluations are not saved until then, but none is lost yet.",
              error.what(), engine_.history().size() - saved_);
    next_save_ = now + (ending_ ? 2s : 10s);
  }
}

/// What keeps it from saving goes to the caller.
void Coordinator::save_at_last(const std::string& state) {
  try {
    save(state);
  } catch (const core::IoError&) {
    core::log(core::LogLevel::error,
              "{} evaluations are not saved; the next start makes them again.",
              engine_.history().size() - saved_);
    throw;
  }
}

void Coordinator::save(const std::string& state) {
  progress_.state = state;
  progress_.unix_seconds = std::time(nullptr);
  progress_.workers = static_cast<int>(workers_.size());
  const io::Snapshot snapshot{engine_.options(), engine_.state(), progress_};
  directory_->save(snapshot);
  directory_->clean_half_trained(snapshot.state);
  unsaved_ = false;
  saved_ = engine_.history().size();
  begin_journal();
}

/// Without a journal snapshots alone keep what comes, and come more often.
void Coordinator::begin_journal() {
  journal_.reset();
  try {
    journal_ = directory_->begin_journal();
  } catch (const core::IoError& error) {
    core::log(core::LogLevel::warning, "{} There is no journal until the next snapshot.",
              error.what());
  }
}

void Coordinator::write_journal() {
  if (!journal_) return;
  try {
    journal_->write();
  } catch (const core::IoError& error) {
    core::log(core::LogLevel::error, "{} A snapshot takes the journal's place.", error.what());
    journal_.reset();
    next_save_ = Clock::now();
  }
}

void Coordinator::account(Clock::time_point now) {
  const double passed = seconds(now - accounted_);
  accounted_ = now;
  progress_.elapsed_seconds += passed;
  progress_.worker_seconds += passed * static_cast<double>(ready_);
  progress_.busy_seconds += passed * static_cast<double>(busy());
}

SearchStatus Coordinator::status() const {
  SearchStatus status;
  status.done = engine_.history().size();
  status.failed = engine_.failures();
  status.evaluated = evaluated_;
  status.reused = reused_;
  status.in_flight = engine_.in_flight_count();
  status.target = options_.engine.evaluations;
  if (const evolution::Individual* best = engine_.best()) {
    status.best = best->candidate.id;
    status.best_fitness = best->evaluation.fitness;
    status.best_parameters = best->evaluation.parameters;
  }
  status.workers = static_cast<int>(workers_.size());
  status.busy = static_cast<int>(busy());
  status.elapsed_seconds = progress_.elapsed_seconds;
  if (progress_.worker_seconds > 0.0) {
    status.utilisation = progress_.busy_seconds / progress_.worker_seconds;
  }
  const auto done_now = static_cast<double>(status.done - done_before_);
  if (done_now > 0.0 && status.target >= status.done) {
    const double pace = seconds(Clock::now() - start_) / done_now;
    status.remaining_seconds = pace * static_cast<double>(status.target - status.done);
  }
  return status;
}

std::string Coordinator::failure_summary() const {
  std::map<std::string, std::size_t> counts;
  for (const std::string& reason : failing_reasons_) ++counts[reason];
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return core::error_text(
      fmt::format("{} evaluations failed one after another", failing_reasons_.size()),
      most->second == failing_reasons_.size()
          ? fmt::format("each time: {}", most->first)
          : fmt::format("most often, {} times: {}", most->second, most->first),
      "The search ends here; mend the cause and run the same line again.");
}

}  // namespace hierevo::search
