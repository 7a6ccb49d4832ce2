// The coordinator's side of the protocol: hands out candidates, takes in results, saves.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admission.hpp"
#include "evaluation_ledger.hpp"
#include "hierevo/comm/communicator.hpp"
#include "hierevo/search/search.hpp"
#include "hierevo/search/search_progress.hpp"
#include "protocol.hpp"
#include "search_ending.hpp"
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
  std::optional<SearchEnd> end() const { return ending_.end(); }
  /// Sends Shutdown to the workers. Done by tick() at the end.
  void shut_down_workers();

  SearchStatus status() const;

 private:
  using Id = evolution::IndividualId;

  void greeted(int rank, const Hello& hello);
  void begin_when_all_are_there();
  void begin_record();
  void took(int rank, const ProgressReport& report);
  void finished_one(int rank, const Result& result);
  void judge(int rank, const evolution::Evaluation& evaluation);
  void cancelled(int rank, Id id);
  void left(int rank, const Drained& message);
  void judge_silence();
  void send_heartbeats();
  void show_progress();
  void show_ranks();
  void lose(int rank, const std::string& how, const std::set<Id>& given);
  void lost_at(int rank, Id id);
  void is_back(int rank);
  void hand_out();
  void give(int rank, CandidateTable::Issued& one);
  void act();
  void drain_when_it_ends();
  void account();

  comm::Communicator& ranks_;
  const SearchOptions& options_;
  const StatusCallback& on_status_;
  SearchRecord record_;
  Admission admission_;
  EvaluationLedger ledger_;
  Clock::time_point now_ = Clock::now();
  WorkerTable workers_;
  SearchEnding ending_;
  Clock::time_point start_ = now_;
  Clock::time_point accounted_ = start_;
  Clock::time_point ticked_ = start_;
  Clock::time_point next_beat_ = start_;
  Clock::time_point next_shown_ = start_;
  Clock::time_point next_ranks_ = start_;
  std::uint64_t shown_version_ = 0;  ///< of the ranks
  std::int64_t began_ = 0;           ///< seconds since 1970
  struct Workforce {
    std::size_t evaluators = 0;
    std::size_t lost_ranks = 0;
  };
  std::optional<Workforce> last_workforce_;  ///< when it began to end: then all leave
};

}  // namespace hierevo::search
