#include "candidate_table.hpp"

#include <algorithm>
#include <utility>

namespace hierevo::search {

CandidateTable::Issued& CandidateTable::issue(evolution::Candidate candidate,
                                              evolution::Evaluation facts) {
  const Id id = candidate.id;
  Issued one{.candidate = std::move(candidate), .facts = std::move(facts)};
  return issued_.emplace(id, std::move(one)).first->second;
}

CandidateTable::Issued* CandidateTable::find(Id id) {
  const auto found = issued_.find(id);
  return found == issued_.end() ? nullptr : &found->second;
}

void CandidateTable::retry(Id id, int avoid) {
  issued_.at(id).avoid = avoid;
  if (std::find(retries_.begin(), retries_.end(), id) == retries_.end()) retries_.push_back(id);
}

std::optional<CandidateTable::Retry> CandidateTable::next_retry(const WorkerTable& workers) {
  for (auto id = retries_.begin(); id != retries_.end();) {
    Issued* one = find(*id);
    // Its first worker may have answered after all, or be back with it.
    if (one == nullptr || !workers.holders(*id).empty()) {
      id = retries_.erase(id);
      continue;
    }
    if (const auto rank = workers.free_rank(one->avoid)) {
      retries_.erase(id);
      return Retry{one, *rank};
    }
    ++id;
  }
  return std::nullopt;
}

std::vector<CandidateInFlight> CandidateTable::in_flight(const WorkerTable& workers,
                                                         Clock::time_point now) const {
  std::vector<CandidateInFlight> candidates;
  for (const auto& [id, one] : issued_) {
    if (workers.holders(id).empty()) continue;
    const std::chrono::duration<double> here = now - one.given;
    candidates.push_back({id, one.rank, one.at, one.at.earlier_seconds + here.count()});
  }
  return candidates;
}

}  // namespace hierevo::search
