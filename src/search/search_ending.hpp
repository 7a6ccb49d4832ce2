// How a search ends: what ends it, how long its workers are waited for, and that all is saved.
#pragma once

#include <chrono>
#include <optional>

#include "evaluation_ledger.hpp"
#include "hierevo/search/search.hpp"
#include "search_record.hpp"
#include "worker_table.hpp"

namespace hierevo::search {

/// decide() until it begins; from then on complete() until there is an end(). Sends nothing: that
/// is its caller's.
class SearchEnding {
 public:
  using Clock = std::chrono::steady_clock;

  /// All are looked at from then on, and must outlive this.
  SearchEnding(const SearchOptions& options, const StopCallback& stop_requested,
               const WorkerTable& workers, const EvaluationLedger& ledger, SearchRecord& record,
               Clock::time_point now);

  /// A worker was asked to stop.
  void ask_to_stop() { stop_asked_ = true; }
  /// This process itself stood still for so long: workers that are silent get that time back.
  void forgive(Clock::duration silence, Clock::time_point now);

  /// True when the search begins to end: all workers are to be drained.
  bool decide(Clock::time_point now);
  bool begun() const { return ending_.has_value(); }

  /// True when the search has ended: all workers have left, since until then results may come, and
  /// all is saved. Both are waited for, but not for ever. Throws IoError when it could not be saved
  /// within the grace.
  bool complete(Clock::time_point now);
  std::optional<SearchEnd> end() const { return end_; }
  bool all_left() const { return all_left_; }  ///< every worker, when it ended

 private:
  std::optional<SearchEnd> reason_to_end(Clock::time_point now);
  bool is_asked_to_stop() const;
  bool anybody_may_evaluate(Clock::time_point now);
  bool save(Clock::time_point now);
  void save_or_report(const char* state);

  const SearchOptions& options_;
  const StopCallback& stop_requested_;
  const WorkerTable& workers_;
  const EvaluationLedger& ledger_;
  SearchRecord& record_;
  Clock::time_point usable_;  ///< when somebody there could last evaluate
  bool stop_asked_ = false;   ///< by a worker
  std::optional<SearchEnd> ending_;
  Clock::time_point ending_since_{};
  std::optional<Clock::time_point> hurried_since_;  ///< when it was asked to end, if it was
  bool all_left_ = false;
  std::optional<SearchEnd> end_;
};

}  // namespace hierevo::search
