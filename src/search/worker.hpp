// The worker's side of the protocol.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/search/evaluators.hpp"
#include "hierevo/search/protocol.hpp"
#include "hierevo/search/search.hpp"

namespace hierevo::search {

/// Driven by handle() for every message of the coordinator and tick() often; it never waits.
class Worker {
 public:
  /// `evaluators` is null where there are none, for the reason `error`.
  Worker(comm::Communicator& ranks, const SearchOptions& options, Evaluators* evaluators,
         std::string error);

  void handle(const AnyMessage& message);
  /// Passes on what the evaluators have to tell, looks at the time.
  void tick();
  /// Asks the coordinator, once, to stop the search.
  void ask_to_stop();
  /// Once nothing is under way any more and the coordinator knows: `finished` when it was told to
  /// leave, `failures` when it could evaluate no more, `saved` when the coordinator was silent.
  std::optional<SearchEnd> end() const { return end_; }
  /// Readable when tick() may have something to do.
  int descriptor() const { return evaluators_ == nullptr ? -1 : evaluators_->descriptor(); }

 private:
  using Clock = std::chrono::steady_clock;

  struct UnderWay {
    Work work;
    Clock::time_point start;
    EvaluationProgress at;
    bool late = false;    ///< over --timeout, and told to end
    bool killed = false;  ///< did not save in time when it was to
  };

  void greet(const Evaluators::Ready& ready);
  void begin(const Work& work);
  void take(const Evaluators::Event& event);
  void ended(const Evaluators::Ended& end);
  bool tried_with_less_memory(UnderWay& one, const evolution::Evaluation& evaluation);
  evolution::Evaluation concluded(const UnderWay& one,
                                  std::optional<evolution::Evaluation> evaluation) const;
  static double seconds_of(const UnderWay& one, Clock::time_point now);
  void stop_late_ones(Clock::time_point now);
  void beat(Clock::time_point now);
  void watch_coordinator(Clock::time_point now);
  void leave(SearchEnd how);
  void go_on_leaving(Clock::time_point now);

  comm::Communicator& ranks_;
  const SearchOptions& options_;
  Evaluators* evaluators_;
  std::map<evolution::IndividualId, UnderWay> under_way_;
  std::optional<SearchEnd> leaving_;  ///< once it saves what is under way
  bool said_left_ = false;
  bool done_ = false;  ///< the coordinator reads no more
  Clock::time_point leaving_since_{};
  std::string broken_;  ///< why it can evaluate no more
  bool asked_to_stop_ = false;
  std::optional<SearchEnd> end_;
  Clock::time_point heard_ = Clock::now();
  Clock::time_point next_beat_ = heard_;
};

}  // namespace hierevo::search
