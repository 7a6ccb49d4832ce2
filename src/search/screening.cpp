#include "screening.hpp"

#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::search {

using evolution::Status;

Screening::Screening(const SearchOptions& options)
    : model_(options.model),
      max_parameters_(options.max_parameters),
      reuse_fitness_(options.reuse_fitness) {}

void Screening::remember(const evolution::Evaluation& evaluation) {
  if (!reuse_fitness_ || evaluation.status != Status::evaluated) return;
  evaluated_.try_emplace(evaluation.phenotype, evaluation);
}

Screening::Facts Screening::look_at(const evolution::Candidate& candidate) const {
  Facts facts;
  const genome::CellGraph cell = genome::assemble(candidate.genotype);
  if (!cell.valid()) {
    facts.evaluation.status = Status::invalid;
    facts.decided = true;
    return facts;
  }
  const genome::Cost cost = cost_of(make_plan(cell, model_), model_.image_size());
  facts.evaluation.phenotype = phenotype_hash(cell);
  facts.evaluation.parameters = cost.parameters;
  facts.evaluation.macs = cost.macs;
  if (max_parameters_ && cost.parameters > *max_parameters_) {
    facts.evaluation.status = Status::over_budget;
    facts.decided = true;
  } else if (const auto same = evaluated_.find(facts.evaluation.phenotype);
             same != evaluated_.end()) {
    facts.evaluation = same->second;
    facts.evaluation.status = Status::reused;
    facts.evaluation.seconds = 0.0;
    facts.evaluation.worker = 0;
    facts.decided = true;
  }
  return facts;
}

}  // namespace hierevo::search
