// The coordinator's side of the protocol: hands out candidates, takes in results, saves.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
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
  /// How the search ended, once it has; all workers have then been told to leave and all is saved.
  std::optional<SearchEnd> end() const { return end_; }

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
  void save_when_due();
  void save(const std::string& state);
  void account(Clock::time_point now);
  std::string failure_summary() const;

  comm::Communicator& ranks_;
  const SearchOptions& options_;
  const StatusCallback& on_status_;
  const StopCallback& stop_requested_;
  RunDirectory directory_;
  io::RunProgress progress_;  ///< sums over all starts
  evolution::Engine engine_;
  Screening screening_;
  std::map<int, WorkerState> workers_;  ///< by rank
  std::set<int> idle_;                  ///< ranks that are ready and have nothing to do
  std::size_t ready_ = 0;               ///< workers that have said Hello
  std::size_t reused_ = 0;
  std::size_t done_before_ = 0;               ///< by earlier starts
  std::vector<std::string> failing_reasons_;  ///< of the present series
  Clock::time_point start_ = Clock::now();
  Clock::time_point accounted_ = start_;
  Clock::time_point next_save_ = start_;
  bool unsaved_ = true;
  std::optional<SearchEnd> end_;
};

}  // namespace hierevo::search
