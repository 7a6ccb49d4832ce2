// The candidates that somebody has to evaluate, from the screening until they are decided. Which
// workers hold them, WorkerTable knows.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/search/evaluator.hpp"
#include "hierevo/search/search_progress.hpp"
#include "worker_table.hpp"

namespace hierevo::search {

class CandidateTable {
 public:
  using Id = evolution::IndividualId;

  using Clock = WorkerTable::Clock;

  struct Issued {
    evolution::Candidate candidate;
    evolution::Evaluation facts;  ///< of the screening
    int rank = 0;                 ///< that has it, the last that was given it or reported on it
    EvaluationProgress at{};      ///< as last reported
    Clock::time_point given{};    ///< when that rank got it
    std::optional<int> avoid{};   ///< the worker that failed to evaluate it
    int crashes = 0;
    int losses = 0;
  };

  Issued& issue(evolution::Candidate candidate, evolution::Evaluation facts);
  /// Null once it is decided.
  Issued* find(Id id);
  void erase(Id id) { issued_.erase(id); }
  std::size_t size() const { return issued_.size(); }

  /// To be handed out again before new ones, preferably not to `avoid`.
  void retry(Id id, int avoid);
  struct Retry {
    Issued* one = nullptr;
    int rank = 0;
  };
  /// The first of these for which a worker is free. Those that were decided or are held by now are
  /// dropped.
  std::optional<Retry> next_retry(const WorkerTable& workers);

  /// Those that a worker holds, by id.
  std::vector<CandidateInFlight> in_flight(const WorkerTable& workers, Clock::time_point now) const;

 private:
  std::map<Id, Issued> issued_;
  std::deque<Id> retries_;
};

}  // namespace hierevo::search
