// The coordinator's side of the protocol: hands out candidates, takes in results, saves.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admission.hpp"
#include "candidate_table.hpp"
#include "failure_series.hpp"
#include "hierevo/comm/communicator.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/search/protocol.hpp"
#include "hierevo/search/search.hpp"
#include "hierevo/search/search_progress.hpp"
#include "screening.hpp"
#include "search_record.hpp"
#include "worker_table.hpp"

namespace hierevo::search {

/// Driven by handle() for every message and tick() often, so that it never waits for anything. What
/// time it is comes with them, and never goes back.
class Coordinator {
 public:
  using Clock = std::chrono::steady_clock;

  Coordinator(comm::Communicator& ranks, const SearchOptions& options,
              const StatusCallback& on_status, const StopCallback& stop_requested);

  /// A message from `rank`.
  void handle(int rank, const AnyMessage& message, Clock::time_point now = Clock::now());
  /// The transport has found `rank` dead.
  void died(int rank);
  /// Hands out work, saves when it is time, looks whether to stop. All messages that have come must
  /// have been handled before, since silence is judged here.
  void tick(Clock::time_point now = Clock::now());
  /// How the search ended, once it has; all is saved then and all workers have left or are lost.
  std::optional<SearchEnd> end() const { return end_; }
  /// Tells the workers that the search is over. Done by tick() at the end.
  void send_home();

  SearchStatus status() const;
  /// The candidates that were given out, by id.
  std::vector<UnderWay> under_way() const;

 private:
  using Id = evolution::IndividualId;

  void greeted(int rank, const Hello& hello);
  void begin_when_all_are_there();
  void begin_record();
  void took(int rank, const ProgressReport& report);
  void finished_one(int rank, const Result& result);
  void cancelled(int rank, Id id);
  void left(int rank, const Drained& message);
  void judge_silence();
  void send_heartbeats();
  void show_progress();
  void lose(int rank, const std::string& how, const std::set<Id>& given);
  void lost_at(int rank, Id id);
  void is_back(int rank);
  void record(Id id, const evolution::Evaluation& evaluation);
  void cancel_at_others(Id id);
  void hand_out();
  CandidateTable::Issued* screen_next();
  void give(int rank, CandidateTable::Issued& one);
  void act();
  void decide_end();
  bool is_asked_to_stop() const;
  bool anybody_may_evaluate();
  void finish(SearchEnd end);
  void try_to_end();
  void save_or_tell(const char* state);
  void count(evolution::Status status);
  void account();

  comm::Communicator& ranks_;
  const SearchOptions& options_;
  const StatusCallback& on_status_;
  const StopCallback& stop_requested_;
  SearchRecord record_;
  Admission admission_;
  evolution::Engine engine_;
  WorkerTable workers_;
  std::map<int, std::string> table_;    ///< of the ranks that said Hello, for people
  std::optional<Screening> screening_;  ///< once all have said Hello
  CandidateTable candidates_;
  std::size_t evaluated_ = 0;  ///< with success, or reused
  std::size_t reused_ = 0;
  std::size_t done_before_ = 0;  ///< by earlier starts
  FailureSeries failures_;
  Clock::time_point now_ = Clock::now();
  Clock::time_point start_ = now_;
  Clock::time_point accounted_ = start_;
  Clock::time_point usable_ = start_;  ///< when somebody there could last evaluate
  Clock::time_point ticked_ = start_;
  Clock::time_point next_beat_ = start_;
  Clock::time_point next_shown_ = start_;
  bool stop_asked_ = false;          ///< by a worker
  std::optional<SearchEnd> ending_;  ///< how it will end, once all have left and all is saved
  Clock::time_point ending_since_{};
  std::optional<Clock::time_point> hurried_since_;  ///< when it was asked to end, if it was
  SearchStatus last_workers_;                       ///< when it began to end
  bool all_left_ = false;                           ///< when it ended
  std::optional<SearchEnd> end_;
};

}  // namespace hierevo::search
