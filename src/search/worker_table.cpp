#include "worker_table.hpp"

#include <algorithm>

namespace hierevo::search {

namespace {

/// A worker whose last so many evaluations failed, while others had as many successes, is to blame.
constexpr int failures_that_tell = 3;

}  // namespace

WorkerTable::WorkerTable(int first, int end) {
  for (int rank = first; rank < end; ++rank) count(rank, workers_[rank], true);
}

void WorkerTable::count(int rank, const Worker& worker, bool add) {
  const auto by = [add](std::size_t& sum, std::size_t amount) {
    sum = add ? sum + amount : sum - amount;
  };
  if (worker.state == State::expected) by(expected_, 1);
  if (worker.state != State::expected && worker.state != State::present) by(lost_, 1);
  if (worker.state != State::present) {
    if (add) free_.erase(rank);
    return;
  }
  const std::size_t busy = std::min(worker.given.size(), worker.evaluators);
  by(present_, 1);
  by(evaluators_, worker.evaluators);
  by(busy_, busy);
  if (!add || busy == worker.evaluators) {
    free_.erase(rank);
  } else {
    free_.insert(rank);
  }
}

template <typename Change>
void WorkerTable::change(int rank, Change&& make) {
  Worker& worker = workers_.at(rank);
  count(rank, worker, false);
  make(worker);
  count(rank, worker, true);
}

std::vector<int> WorkerTable::reachable() const {
  std::vector<int> ranks;
  for (const auto& [rank, worker] : workers_) {
    if (worker.state != State::silent && worker.state != State::broken) ranks.push_back(rank);
  }
  return ranks;
}

void WorkerTable::greeted(int rank, const std::string& host, std::size_t evaluators) {
  change(rank, [&](Worker& worker) {
    worker.state = State::present;
    worker.host = host;
    worker.evaluators = evaluators;
  });
}

bool WorkerTable::heard(int rank, Clock::time_point now) {
  Worker& worker = workers_.at(rank);
  worker.heard = now;
  if (worker.state != State::silent) return false;
  // One that was silent from the beginning has its Hello still to say.
  change(rank, [](Worker& back) {
    back.state = back.evaluators == 0 ? State::expected : State::present;
  });
  return true;
}

void WorkerTable::forgive(Clock::duration silence) {
  for (auto& [rank, worker] : workers_) worker.heard += silence;
}

std::vector<int> WorkerTable::fallen_silent(Clock::time_point now, Clock::duration patience,
                                            Clock::duration first_patience) {
  std::vector<int> ranks;
  for (const int rank : reachable()) {
    const Worker& worker = workers_.at(rank);
    const bool new_here = worker.state == State::expected;
    if (worker.state == State::left) continue;
    if (now - worker.heard > (new_here ? first_patience : patience)) ranks.push_back(rank);
  }
  for (const int rank : ranks) {
    change(rank, [](Worker& worker) { worker.state = State::silent; });
  }
  return ranks;
}

void WorkerTable::left(int rank) {
  change(rank, [](Worker& worker) { worker.state = State::left; });
}

void WorkerTable::broke(int rank) {
  change(rank, [](Worker& worker) { worker.state = State::broken; });
}

std::optional<int> WorkerTable::free_rank(std::optional<int> avoided) const {
  for (const int rank : free_) {
    if (rank != avoided) return rank;
  }
  const bool nobody_else = present_ == 1;
  if (free_.empty() || !nobody_else) return std::nullopt;
  return *free_.begin();
}

void WorkerTable::give(int rank, Id id) {
  change(rank, [&](Worker& worker) { worker.given.insert(id); });
}

bool WorkerTable::answered(int rank, Id id) {
  bool had = false;
  change(rank, [&](Worker& worker) { had = worker.given.erase(id) > 0; });
  return had;
}

bool WorkerTable::judge(int rank, bool success) {
  Worker& worker = workers_.at(rank);
  if (success) {
    ++successes_;
    worker.failures = 0;
    return false;
  }
  if (worker.failures++ == 0) worker.successes_then = successes_;
  const bool others_succeed =
      successes_ - worker.successes_then >= static_cast<std::size_t>(failures_that_tell);
  if (worker.state != State::present || worker.failures < failures_that_tell || !others_succeed) {
    return false;
  }
  change(rank, [](Worker& bad) { bad.state = State::quarantined; });
  return true;
}

bool WorkerTable::all_gone() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& entry) {
    const State state = entry.second.state;
    return state == State::left || state == State::silent || state == State::broken;
  });
}

}  // namespace hierevo::search
