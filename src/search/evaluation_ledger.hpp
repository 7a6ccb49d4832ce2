// The evaluations of a search: which candidate is next, and what became of each.
#pragma once

#include <cstddef>
#include <optional>

#include "candidate_table.hpp"
#include "failure_series.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/search/search.hpp"
#include "screening.hpp"
#include "search_record.hpp"

namespace hierevo::search {

/// Keeps the engine, the record and the candidates in step. Knows of no workers: what was lost with
/// one is reported to it.
class EvaluationLedger {
 public:
  using Id = evolution::IndividualId;

  /// Resumes what `record` holds. Throws as load_engine().
  EvaluationLedger(const SearchOptions& options, SearchRecord& record);

  /// Before the first candidate. `data`: none where no data were read. `evaluator_memory` is as
  /// Screening has it.
  void begin(const std::optional<DataFacts>& data, std::int64_t evaluator_memory);
  bool begun() const { return screening_.has_value(); }

  /// Issues the next candidate that needs a worker; null when there is none now. Those that need
  /// none are recorded on the way, in groups, so that signals and messages are seen in between.
  CandidateTable::Issued* next();
  /// What counts of an evaluator's result: a success that lacks an objective is a failure.
  evolution::Evaluation judged(const evolution::Evaluation& result) const;
  /// The result of an issued candidate, judged(), which is then gone. Where it crashed for the
  /// first time it is not recorded, and this is false: it is to be retried.
  bool record_result(CandidateTable::Issued& one, evolution::Evaluation result, int rank);
  /// The last worker that had this issued candidate is lost. False: it is to be retried; else it is
  /// recorded as crashed, being the likely cause, and gone.
  bool record_loss(CandidateTable::Issued& one);

  CandidateTable& candidates() { return candidates_; }
  const CandidateTable& candidates() const { return candidates_; }
  const evolution::Engine& engine() const { return engine_; }
  const FailureSeries& failures() const { return failures_; }
  std::size_t done_before() const { return done_before_; }  ///< evaluations, in earlier starts
  /// Of the evaluations; workers and times are not set.
  SearchStatus status() const;

 private:
  void record(Id id, const evolution::Evaluation& evaluation);
  void count(evolution::Status status);

  const SearchOptions& options_;
  SearchRecord& record_;
  evolution::Engine engine_;
  std::optional<Screening> screening_;
  CandidateTable candidates_;
  FailureSeries failures_;
  std::size_t evaluated_ = 0;  ///< with success, or reused
  std::size_t reused_ = 0;
  std::size_t done_before_;
};

}  // namespace hierevo::search
