#include "hierevo/search/search.hpp"

#include <algorithm>
#include <optional>

#include "coordinator.hpp"
#include "heartbeat.hpp"
#include "hierevo/core/log.hpp"
#include "worker.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;

/// How long a rank waits for a message before it looks at the clock and at signals again.
constexpr std::chrono::nanoseconds longest_wait = 50ms;

/// Both parts that a rank may play; a message goes to the one that it is for.
class Rank {
 public:
  Rank(comm::Communicator& ranks, const SearchOptions& options,
       std::optional<Coordinator>& coordinator, std::optional<Worker>& worker)
      : ranks_(ranks),
        wait_(std::min(longest_wait, beat_interval(options.heartbeat) / 2)),
        coordinator_(coordinator),
        worker_(worker) {}

  /// Waits for something to do, takes in all that has come, and acts.
  void step() {
    if (const auto message = ranks_.receive(wait_, worker_ ? worker_->descriptor() : -1)) {
      take_in(*message);
    }
    // All that has come is taken in before anything is decided.
    while (const auto more = ranks_.receive(0ns)) take_in(*more);
    while (const auto dead = ranks_.next_dead()) {
      if (coordinator_) coordinator_->died(*dead);
      if (worker_ && *dead == 0) worker_->coordinator_died();
    }
    if (worker_) worker_->tick();
    if (coordinator_) coordinator_->tick();
  }

 private:
  static bool is_for_a_worker(const AnyMessage& message) {
    return std::holds_alternative<Work>(message) || std::holds_alternative<Heartbeat>(message) ||
           std::holds_alternative<Drain>(message) || std::holds_alternative<Shutdown>(message) ||
           std::holds_alternative<Cancel>(message);
  }

  void take_in(const comm::Message& message) {
    const auto decoded = decode(message.data);
    if (decoded && is_for_a_worker(*decoded) && worker_ && message.source == 0) {
      worker_->handle(*decoded);
    } else if (decoded && !is_for_a_worker(*decoded) && coordinator_) {
      coordinator_->handle(message.source, *decoded);
    } else {
      core::log(core::LogLevel::warning,
                "Ignoring a message from rank {} that is not of the protocol", message.source);
    }
  }

  comm::Communicator& ranks_;
  std::chrono::nanoseconds wait_;
  std::optional<Coordinator>& coordinator_;
  std::optional<Worker>& worker_;
};

SearchEnd work(comm::Communicator& ranks, const SearchOptions& options,
               std::optional<Worker>& worker, const StopCallback& stop_requested) {
  std::optional<Coordinator> none;
  Rank rank(ranks, options, none, worker);
  while (!worker->end()) {
    if (stop_requested && stop_requested()) worker->ask_to_stop();
    rank.step();
  }
  ranks.flush(2s);
  return *worker->end();
}

/// After an error, which may be that nothing can be sent.
void try_to_shut_down_workers(comm::Communicator& ranks, std::optional<Coordinator>& coordinator) {
  try {
    if (!coordinator) return dismiss_workers(ranks);
    coordinator->shut_down_workers();
    ranks.flush(2s);
  } catch (const core::CommunicationError& error) {
    core::log(core::LogLevel::error, "{}", error.what());
  }
}

}  // namespace

SearchEnd run_search(comm::Communicator& ranks, const SearchOptions& options,
                     Evaluators* evaluators, const std::string& evaluator_error,
                     const StatusCallback& on_status, const StopCallback& stop_requested) {
  const bool works = ranks.rank() != 0 || ranks.size() == 1 || options.master_evaluates;
  std::optional<Worker> worker;
  if (works) worker.emplace(ranks, options, evaluators, evaluator_error);
  if (ranks.rank() != 0) return work(ranks, options, worker, stop_requested);
  std::optional<Coordinator> coordinator;
  try {
    coordinator.emplace(ranks, options, on_status, stop_requested);
    Rank rank(ranks, options, coordinator, worker);
    while (!coordinator->end()) rank.step();
  } catch (...) {
    try_to_shut_down_workers(ranks, coordinator);
    throw;
  }
  ranks.flush(2s);
  return *coordinator->end();
}

void dismiss_workers(comm::Communicator& ranks) {
  for (int rank = 1; rank < ranks.size(); ++rank) ranks.send(rank, encode(Shutdown{}));
  ranks.flush(2s);
}

}  // namespace hierevo::search
