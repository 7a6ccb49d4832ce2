#include "hierevo/search/search.hpp"

#include <exception>
#include <optional>

#include "coordinator.hpp"
#include "worker.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;

/// How long the coordinator waits for a message before it looks at the clock and at signals again.
constexpr auto patience = 50ms;

SearchEnd coordinate(comm::Communicator& ranks, Coordinator& coordinator) {
  while (!coordinator.end()) {
    if (const auto message = ranks.receive(patience)) coordinator.handle(*message);
    // All that has come is taken in before anything is decided.
    while (const auto more = ranks.receive(0ns)) coordinator.handle(*more);
    coordinator.tick();
  }
  return *coordinator.end();
}

/// Rank 0 plays both parts, through the same messages: it sends them to itself. While it evaluates,
/// the coordinator's part goes on in the progress callback.
SearchEnd coordinate_and_work(comm::Communicator& ranks, Coordinator& coordinator, Worker& worker) {
  std::optional<Work> order;
  const auto take_in = [&](const comm::Message& message) {
    auto decoded = message.source == 0 ? decode(message.data) : std::nullopt;
    Work* own = decoded ? std::get_if<Work>(&*decoded) : nullptr;
    if (own != nullptr) {
      order = std::move(*own);
    } else if (!decoded || !std::holds_alternative<Leave>(*decoded)) {
      coordinator.handle(message);
    }
  };
  // An evaluator would take the coordinator's trouble for that of its candidate.
  std::exception_ptr trouble;
  const auto attend = [&] {
    try {
      while (const auto message = ranks.receive(0ns)) take_in(*message);
      coordinator.tick();
    } catch (...) {
      trouble = std::current_exception();
    }
    return !trouble && !coordinator.end();
  };
  while (attend()) {
    if (order) {
      const Work work = std::move(*order);
      order.reset();
      worker.work(work, attend);
    } else if (const auto message = ranks.receive(patience)) {
      take_in(*message);
    }
  }
  if (trouble) std::rethrow_exception(trouble);
  return *coordinator.end();
}

}  // namespace

SearchEnd run_search(comm::Communicator& ranks, const SearchOptions& options, Evaluator* evaluator,
                     const std::string& evaluator_error, const StatusCallback& on_status,
                     const StopCallback& stop_requested) {
  Worker worker(ranks, evaluator, options.timeout);
  const bool works = ranks.rank() != 0 || ranks.size() == 1 || options.master_evaluates;
  if (works) worker.greet(options.fingerprint, evaluator_error);
  if (ranks.rank() != 0) {
    worker.run(stop_requested);
    return SearchEnd::finished;
  }
  std::optional<Coordinator> coordinator;
  try {
    coordinator.emplace(ranks, options, on_status, stop_requested);
    if (works) return coordinate_and_work(ranks, *coordinator, worker);
    return coordinate(ranks, *coordinator);
  } catch (...) {
    if (coordinator) {
      coordinator->dismiss_workers();
    } else {
      dismiss_workers(ranks);
    }
    throw;
  }
}

void dismiss_workers(comm::Communicator& ranks) {
  for (int rank = 1; rank < ranks.size(); ++rank) ranks.send(rank, encode(Leave{}));
  ranks.flush(2s);
}

}  // namespace hierevo::search
