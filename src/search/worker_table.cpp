#include "worker_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace hierevo::search {

namespace {

/// Fewer consecutive failures mean nothing, nor do fewer successes of others.
constexpr int significant_failures = 3;
/// A series of failures less probable than this is not by chance. A search has thousands of
/// evaluations, and candidates may fail by themselves.
constexpr double impossible = 1e-6;

}  // namespace

WorkerTable::WorkerTable(int first, int end, Clock::time_point now) {
  for (int rank = first; rank < end; ++rank) {
    workers_[rank].heard = now;
    count(rank, workers_[rank], true);
  }
}

void WorkerTable::count(int rank, const Worker& worker, bool add) {
  const auto by = [add](std::size_t& sum, std::size_t amount) {
    sum = add ? sum + amount : sum - amount;
  };
  if (worker.state == State::present || worker.state == State::quarantined) {
    for (const Id id : worker.given) count_holder(rank, id, add);
  }
  if (worker.state == State::expected) by(expected_, 1);
  if (worker.state != State::expected && worker.state != State::present) by(lost_, 1);
  if (worker.state != State::present) {
    if (add) free_.erase(rank);
    return;
  }
  const std::size_t busy = busy_of(worker);
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

void WorkerTable::set_state(int rank, State state) {
  change(rank, [state](Worker& worker) { worker.state = state; });
  ++version_;
}

std::size_t WorkerTable::busy_of(const Worker& worker) {
  return std::min(worker.given.size(), worker.evaluators);
}

std::vector<int> WorkerTable::reachable() const {
  std::vector<int> ranks;
  for (const auto& [rank, worker] : workers_) {
    if (worker.state != State::silent && worker.state != State::dead) ranks.push_back(rank);
  }
  return ranks;
}

const std::set<int>& WorkerTable::holders(Id id) const {
  static const std::set<int> nobody;
  const auto found = holders_.find(id);
  return found == holders_.end() ? nobody : found->second;
}

void WorkerTable::count_holder(int rank, Id id, bool add) {
  std::set<int>& ranks = holders_[id];
  if (add) {
    ranks.insert(rank);
  } else {
    ranks.erase(rank);
  }
  if (ranks.empty()) holders_.erase(id);
}

void WorkerTable::greeted(int rank, const std::string& host, std::size_t evaluators,
                          const std::string& place) {
  change(rank, [&](Worker& worker) {
    worker.state = State::present;
    worker.host = host;
    worker.place = place;
    worker.evaluators = evaluators;
  });
  ++version_;
}

void WorkerTable::note_reason(int rank, const std::string& reason) {
  workers_.at(rank).reason = reason;
  ++version_;
}

std::vector<RankFacts> WorkerTable::facts() const {
  static constexpr std::array<const char*, 7> names = {"starting",    "working", "silent", "dead",
                                                       "quarantined", "left",    "broken"};
  std::vector<RankFacts> facts;
  facts.reserve(workers_.size());
  for (const auto& [rank, worker] : workers_) {
    facts.push_back({rank, worker.host, worker.place, worker.evaluators,
                     names.at(static_cast<std::size_t>(worker.state)), worker.reason});
  }
  return facts;
}

void WorkerTable::has_fewer(int rank, std::size_t evaluators) {
  change(rank, [evaluators](Worker& worker) {
    worker.evaluators = std::min(worker.evaluators, evaluators);
  });
  ++version_;
}

bool WorkerTable::heard(int rank, Clock::time_point now) {
  Worker& worker = workers_.at(rank);
  worker.heard = now;
  if (worker.state != State::silent) return false;
  worker.reason.clear();
  set_state(rank, worker.before_silence);
  return true;
}

void WorkerTable::forgive(Clock::duration silence, Clock::time_point now) {
  for (auto& [rank, worker] : workers_) {
    if (worker.heard < now) worker.heard = std::min(worker.heard + silence, now);
  }
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
    workers_.at(rank).before_silence = workers_.at(rank).state;
    set_state(rank, State::silent);
  }
  return ranks;
}

void WorkerTable::left(int rank) {
  set_state(rank, State::left);
}

std::set<WorkerTable::Id> WorkerTable::gone(int rank, State state) {
  std::set<Id> given;
  change(rank, [&](Worker& worker) {
    worker.state = state;
    given.swap(worker.given);
  });
  ++version_;
  return given;
}

std::optional<int> WorkerTable::free_rank(std::optional<int> avoided) const {
  const bool nobody_else = present_ == 1;
  for (const int rank : free_) {
    if (rank == avoided && !nobody_else) continue;
    if (!waits_for_others(workers_.at(rank))) return rank;
  }
  return std::nullopt;
}

bool WorkerTable::waits_for_others(const Worker& worker) const {
  const bool others_have_ended = successes_ + failures_ > worker.judged_then;
  const bool others_are_busy = busy_ > busy_of(worker);
  return worker.failing >= significant_failures && !others_have_ended && others_are_busy;
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
  ++(success ? successes_ : failures_);
  ++(success ? worker.successes : worker.failures);
  worker.failing = success ? 0 : worker.failing + 1;
  worker.judged_then = successes_ + failures_;
  // Without the last one there would be no search; consecutive failures end it, if need be.
  if (worker.state != State::present || present_ == 1 || !is_to_blame(worker)) return false;
  set_state(rank, State::quarantined);
  return true;
}

bool WorkerTable::is_to_blame(const Worker& worker) const {
  const auto successes = static_cast<double>(successes_ - worker.successes);
  const auto failures = static_cast<double>(failures_ - worker.failures);
  if (worker.failing < significant_failures || successes < significant_failures) return false;
  const double rate = (failures + 1.0) / (successes + failures + 2.0);
  return std::pow(rate, worker.failing) < impossible;
}

bool WorkerTable::any_silent() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& entry) { return entry.second.state == State::silent; });
}

bool WorkerTable::all_left() const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [](const auto& entry) { return entry.second.state == State::left; });
}

bool WorkerTable::all_gone() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& entry) {
    const State state = entry.second.state;
    return state != State::expected && state != State::present && state != State::quarantined;
  });
}

}  // namespace hierevo::search
