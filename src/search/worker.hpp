// The worker's side of the protocol.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/search/evaluators.hpp"
#include "hierevo/search/search.hpp"
#include "protocol.hpp"

namespace hierevo::search {

/// Driven by handle() for every message of the coordinator and tick() often; it never waits. What
/// time it is comes with them, and never goes back.
class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  /// `evaluators` is null where there are none, for the reason `error`.
  Worker(comm::Communicator& ranks, const SearchOptions& options, Evaluators* evaluators,
         std::string error);

  void handle(const AnyMessage& message, Clock::time_point now = Clock::now());
  /// The transport has found the coordinator dead.
  void coordinator_died();
  /// Passes on what the evaluators report, looks at the time. All messages that have come
  /// must have been handled before, since the coordinator's silence is judged here.
  void tick(Clock::time_point now = Clock::now());
  /// Asks the coordinator, once, to stop the search.
  void ask_to_stop();
  /// Once nothing is in flight, or --grace is nearly over: `saved` when the coordinator is
  /// lost. When it has said that all is over: `failures` when this rank could no longer evaluate,
  /// else `finished`.
  std::optional<SearchEnd> end() const { return end_; }
  /// Readable when tick() may have something to do.
  int descriptor() const { return evaluators_ == nullptr ? -1 : evaluators_->descriptor(); }

 private:
  struct Running {
    Work work;
    Clock::time_point start;
    EvaluationProgress at;
    bool late = false;       ///< over --timeout, and told to end
    bool killed = false;     ///< did not save in time when it was to
    bool cancelled = false;  ///< another rank has its result
  };

  void greet(const Evaluators::Ready& ready);
  void begin(const Work& work);
  void cancel(evolution::IndividualId id);
  void take(const Evaluators::Event& event);
  void ended(const Evaluators::Ended& end);
  static bool may_do_with_less_memory(const Running& one, const evolution::Evaluation& evaluation);
  void try_with_less_memory(Running& one, const evolution::Evaluation& evaluation);
  evolution::Evaluation concluded(const Running& one,
                                  std::optional<evolution::Evaluation> evaluation) const;
  double seconds_of(const Running& one) const;
  void stop_late_ones();
  void report_progress();
  void forgive_standstill();
  void watch_coordinator();
  void leave(SearchEnd how);
  void kill_what_has_not_saved();
  void go_on_leaving();

  comm::Communicator& ranks_;
  const SearchOptions& options_;
  Evaluators* evaluators_;
  std::map<evolution::IndividualId, Running> in_flight_;
  std::optional<SearchEnd> leaving_;  ///< why it saves what is in flight, and will exit
  bool said_left_ = false;
  bool done_ = false;  ///< the coordinator reads no more
  Clock::time_point leaving_since_{};
  std::string broken_;  ///< why it can no longer evaluate
  bool asked_to_stop_ = false;
  std::optional<SearchEnd> end_;
  Clock::time_point now_ = Clock::now();
  Clock::time_point ticked_ = now_;
  Clock::time_point heard_ = now_;
  Clock::time_point next_beat_ = now_;
};

}  // namespace hierevo::search
