// The coordinator's side of the protocol: hands out candidates, takes in results, saves.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/search/protocol.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/search.hpp"
#include "screening.hpp"

namespace hierevo::search {

/// Driven by handle() for every message and tick() often, so that it never waits for anything.
class Coordinator {
 public:
  Coordinator(comm::Communicator& ranks, const SearchOptions& options,
              const StatusCallback& on_status, const StopCallback& stop_requested);

  void handle(const comm::Message& message);
  /// Hands out work, saves when it is time, looks whether to stop.
  void tick();
  /// How the search ended, once it has; all is saved then and all workers have been told to leave.
  std::optional<SearchEnd> end() const { return end_; }
  /// Tells the workers to leave, once.
  void dismiss_workers();

  SearchStatus status() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct WorkerState {
    bool ready = false;  ///< has said Hello
    std::optional<evolution::IndividualId> id;
    evolution::Evaluation facts;  ///< of the screening
  };

  WorkerState* state_of(int rank);
  void greeted(int rank, const Hello& hello);
  void finished_one(int rank, const Result& result);
  void record(evolution::IndividualId id, const evolution::Evaluation& evaluation);
  void hand_out();
  std::optional<std::pair<evolution::Candidate, evolution::Evaluation>> next_to_evaluate();
  std::size_t busy() const { return ready_ - idle_.size(); }
  void finish(SearchEnd end);
  void try_to_end();
  void save_when_due(const std::string& state);
  void count(evolution::Status status);
  void save_at_last(const std::string& state);
  void save(const std::string& state);
  void begin_journal();
  void write_journal();
  void account(Clock::time_point now);
  std::string failure_summary() const;

  comm::Communicator& ranks_;
  const SearchOptions& options_;
  const StatusCallback& on_status_;
  const StopCallback& stop_requested_;
  std::optional<RunDirectory> directory_;  ///< none in a dry run whose folder is not there yet
  io::RunProgress progress_;               ///< sums over all starts
  evolution::Engine engine_;
  std::unique_ptr<io::Journal>
      journal_;  ///< since the last snapshot; none when it cannot be written
  Screening screening_;
  std::map<int, WorkerState> workers_;  ///< by rank
  std::set<int> idle_;                  ///< ranks that are ready and have nothing to do
  std::size_t ready_ = 0;               ///< workers that have said Hello
  std::size_t evaluated_ = 0;           ///< with success, or reused
  std::size_t reused_ = 0;
  std::size_t done_before_ = 0;               ///< by earlier starts
  std::size_t saved_ = 0;                     ///< evaluations in the last snapshot
  std::vector<std::string> failing_reasons_;  ///< of the present series
  Clock::time_point start_ = Clock::now();
  Clock::time_point accounted_ = start_;
  Clock::time_point next_save_ = start_;
  bool unsaved_ = true;
  bool stop_asked_ = false;          ///< by a worker
  std::optional<SearchEnd> ending_;  ///< how it will end, once all is saved
  Clock::time_point ending_since_{};
  bool dismissed_ = false;
  std::optional<SearchEnd> end_;
};

}  // namespace hierevo::search
