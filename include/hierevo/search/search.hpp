#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/search/evaluators.hpp"

namespace hierevo::search {

/// The memory that one training may use, and on what it depends how much it needs.
struct TrainingMemory {
  /// None: the least that a rank has for one (Evaluators::Ready, SearchOptions::evaluator_memory).
  std::optional<double> bytes;
  std::int64_t batch = 256;
  std::optional<int> crop = 24;  ///< height and width of the training crops; none: whole images
};

/// A search over the ranks of a communicator; equal on all ranks but for `place` and
/// `evaluator_memory`.
struct SearchOptions {
  evolution::EngineOptions engine;
  genome::ModelSpec model;                     ///< whose parameters and MACs are recorded
  std::optional<std::int64_t> max_parameters;  ///< over it: over_budget, not evaluated
  std::optional<std::int64_t> max_macs;        ///< for one image; over it likewise
  std::optional<TrainingMemory> memory;        ///< not enough: over_budget, likewise
  bool reuse_fitness = false;     ///< phenotypes that were evaluated are not evaluated again
  bool master_evaluates = false;  ///< rank 0 of several evaluates too
  std::optional<std::chrono::duration<double>> timeout;  ///< of an evaluation, over all runs of it
  /// A rank that is silent for so long is considered lost, and its candidates are reassigned.
  std::chrono::duration<double> heartbeat{60.0};
  /// From the request to stop to the end of the search, whatever the evaluators do.
  std::chrono::duration<double> grace{60.0};
  std::size_t max_consecutive_failures = 20;  ///< so many end the search
  std::filesystem::path run;                  ///< the run directory
  std::string configuration;                  ///< text of RUN/config.ini; may be empty
  bool dry_run = false;           ///< ends before the first evaluation, and writes nothing
  std::uint64_t fingerprint = 0;  ///< hash of all that ranks must agree on
  std::string place;              ///< the devices or cores of this rank's evaluators, for people
  /// Bytes that each evaluator of this rank has for a training, where these do not know it
  /// themselves; 0: nobody knows.
  std::int64_t evaluator_memory = 0;
  std::string log;  ///< the file with rank 0's messages, for people; empty: unknown
};

/// How a search is doing.
struct SearchStatus {
  std::size_t done = 0;  ///< evaluations with a result, failed and reused ones included
  std::size_t failed = 0;
  std::size_t evaluated = 0;  ///< with success, or reused
  std::size_t reused = 0;
  std::size_t in_flight = 0;
  std::size_t target = 0;
  std::optional<evolution::IndividualId> best;
  double best_fitness = 0.0;
  std::int64_t best_parameters = 0;
  int workers = 0;               ///< evaluators of the ranks that are there
  int busy = 0;                  ///< of these
  int lost_ranks = 0;            ///< silent, given no more work, or unable to evaluate
  bool ending = false;           ///< hands out no more work
  bool all_left = false;         ///< has ended, and every rank has reported that it leaves
  double elapsed_seconds = 0.0;  ///< over all runs of it
  double utilisation = 0.0;      ///< share of the workers' time spent evaluating
  std::optional<double> remaining_seconds;  ///< at the pace since it was started or resumed
};

/// Called by rank 0 after every event and several times a second. May be empty.
using StatusCallback = std::function<void(const SearchStatus&)>;
/// Asked often on every rank; true saves and ends the search. May be empty.
using StopCallback = std::function<bool()>;

/// How run_search() has ended.
enum class SearchEnd : std::uint8_t {
  finished,  ///< all evaluations are there
  saved,     ///< stopped on request; the same call resumes it
  failures,  ///< too many consecutive failures
  checked,   ///< a dry run: everything is ready to begin
};

/// Runs the search, or resumes the one in the run directory. Every rank calls it: rank 0
/// coordinates, the others evaluate until they are told to leave; a single rank does both. What
/// rank 0 returns or throws counts; the others return `finished` when told to leave, `failures`
/// when they could evaluate no more, and `saved` when rank 0 was silent for three heartbeats: they
/// save their candidates in flight and leave.
///
/// `evaluators` may be null on a rank 0 that does not evaluate, and on a rank that cannot evaluate:
/// it then says why in `evaluator_error`, and rank 0 throws UsageError with that text and the rank.
/// Rank 0 also throws when ranks differ in version, fingerprint or data, when an option is out of
/// range, and when the run directory cannot be used (run_directory.hpp) or is of other engine
/// options or data; only `evaluations` may change when a search is resumed. No evaluation starts
/// before all ranks have reported. Afterwards a rank may be lost: it is named in the log, and the
/// others continue.
SearchEnd run_search(comm::Communicator& ranks, const SearchOptions& options,
                     Evaluators* evaluators, const std::string& evaluator_error,
                     const StatusCallback& on_status, const StopCallback& stop_requested);

/// For a rank 0 that cannot start: shuts down the others, whose run_search() then returns.
void dismiss_workers(comm::Communicator& ranks);

}  // namespace hierevo::search
