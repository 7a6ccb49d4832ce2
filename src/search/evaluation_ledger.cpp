#include "evaluation_ledger.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "hierevo/core/log.hpp"
#include "load_engine.hpp"

namespace hierevo::search {

namespace {

using evolution::Evaluation;
using evolution::Status;

constexpr int most_decided_at_once = 1000;
/// A candidate whose workers were lost so often is considered the cause.
constexpr int most_losses = 3;

}  // namespace

EvaluationLedger::EvaluationLedger(const SearchOptions& options, SearchRecord& record)
    : options_(options),
      record_(record),
      engine_(load_engine(options, record)),
      done_before_(engine_.history().size()) {
  for (const auto& individual : engine_.history()) count(individual.evaluation.status);
  if (done_before_ == 0) return;
  core::log(core::LogLevel::info, "Resuming after {}; {} candidates were in flight",
            evaluations_text(done_before_, options.engine.evaluations), engine_.in_flight_count());
}

void EvaluationLedger::begin(const std::optional<DataFacts>& data, std::int64_t evaluator_memory) {
  screening_.emplace(options_, data, evaluator_memory);
  for (const auto& individual : engine_.history()) screening_->remember(individual.evaluation);
}

CandidateTable::Issued* EvaluationLedger::next() {
  for (int decided = 0; decided < most_decided_at_once; ++decided) {
    auto candidate = engine_.ask();
    if (!candidate) break;
    record_.asked(*candidate);
    Screening::Facts facts = screening_->look_at(*candidate);
    if (!facts.decided) {
      return &candidates_.issue(std::move(*candidate), std::move(facts.evaluation));
    }
    record(candidate->id, facts.evaluation);
  }
  return nullptr;
}

Evaluation EvaluationLedger::judged(const Evaluation& result) const {
  const std::string missing = missing_objective(options_.engine.objectives, result);
  if (missing.empty()) return result;
  std::string given;
  for (const auto& [name, value] : result.metrics) given += (given.empty() ? "" : ", ") + name;
  return Evaluation::failure(
      Status::failed, fmt::format("the evaluator gave no metric '{}', an objective (it gave {})",
                                  missing, given.empty() ? "none" : given));
}

bool EvaluationLedger::record_result(CandidateTable::Issued& one, Evaluation result, int rank) {
  if (result.status == Status::crashed && one.crashes++ == 0) return false;
  result.parameters = one.facts.parameters;
  result.macs = one.facts.macs;
  result.phenotype = one.facts.phenotype;
  result.worker = rank;
  record(one.candidate.id, result);
  return true;
}

bool EvaluationLedger::record_loss(CandidateTable::Issued& one) {
  if (++one.losses < most_losses) return false;
  Evaluation evaluation = one.facts;
  evaluation.status = Status::crashed;
  evaluation.reason = fmt::format("the workers that evaluated it were lost, {} times", one.losses);
  record(one.candidate.id, evaluation);
  return true;
}

void EvaluationLedger::record(Id id, const Evaluation& evaluation) {
  Evaluation recorded = evaluation;
  recorded.finished_at = record_.progress().elapsed_seconds;
  engine_.tell(id, std::move(recorded));
  candidates_.erase(id);
  record_.told(engine_.history().back());
  screening_->remember(evaluation);
  count(evaluation.status);
  failures_.take(evaluation);
  if (evolution::is_failure(evaluation.status)) {
    core::log(core::LogLevel::warning, "Candidate {} failed: {}", number(id),
              failure_text(evaluation));
  }
}

void EvaluationLedger::count(Status status) {
  const bool reused = status == Status::reused;
  reused_ += reused ? 1 : 0;
  evaluated_ += reused || status == Status::evaluated ? 1 : 0;
}

SearchStatus EvaluationLedger::status() const {
  SearchStatus status;
  status.done = engine_.history().size();
  status.failed = engine_.failures();
  status.evaluated = evaluated_;
  status.reused = reused_;
  status.in_flight = engine_.in_flight_count();
  status.target = options_.engine.evaluations;
  if (const evolution::Individual* best = engine_.best()) {
    status.best = best->candidate.id;
    status.best_fitness = best->evaluation.fitness;
    status.best_parameters = best->evaluation.parameters;
  }
  return status;
}

}  // namespace hierevo::search
