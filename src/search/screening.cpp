#include "screening.hpp"

#include <fmt/format.h>

#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::search {

using evolution::Status;

namespace {

int training_size(const SearchOptions& options, const std::optional<DataFacts>& data) {
  if (options.memory && options.memory->crop) return *options.memory->crop;
  return data ? data->image_size : options.model.image_size();
}

}  // namespace

Screening::Screening(const SearchOptions& options, const std::optional<DataFacts>& data,
                     std::int64_t evaluator_memory)
    : model_(data ? adapted(options.model, *data) : options.model),
      max_parameters_(options.max_parameters),
      max_macs_(options.max_macs),
      memory_(options.memory),
      training_size_(training_size(options, data)),
      reuse_fitness_(options.reuse_fitness) {
  if (!memory_ || memory_->bytes) return;
  if (evaluator_memory > 0) {
    memory_->bytes = static_cast<double>(evaluator_memory);
  } else {
    memory_.reset();
  }
}

void Screening::remember(const evolution::Evaluation& evaluation) {
  if (!reuse_fitness_ || evaluation.status != Status::evaluated) return;
  evaluated_.try_emplace(evaluation.phenotype, evaluation);
}

std::string Screening::over_budget(const genome::Plan& plan, const genome::Cost& cost) const {
  if (max_parameters_ && cost.parameters > *max_parameters_) {
    return fmt::format("{} parameters, more than {}", cost.parameters, *max_parameters_);
  }
  if (max_macs_ && cost.macs > *max_macs_) {
    return fmt::format("{} multiply-accumulates, more than {}", cost.macs, *max_macs_);
  }
  if (!memory_) return {};
  const double needed = training_bytes(plan, training_size_, memory_->batch);
  if (needed <= *memory_->bytes) return {};
  constexpr double gigabyte = 1e9;
  return fmt::format("a training needs {:.3g} GB of memory, more than {:.3g} GB", needed / gigabyte,
                     *memory_->bytes / gigabyte);
}

Screening::Facts Screening::look_at(const evolution::Candidate& candidate) const {
  Facts facts;
  const genome::CellGraph cell = genome::assemble(candidate.genotype, genome::NodePaths::omitted);
  if (!cell.valid()) {
    facts.evaluation.status = Status::invalid;
    facts.decided = true;
    return facts;
  }
  const genome::Plan plan = make_plan(cell, model_, genome::PlanNames::omitted);
  const genome::Cost cost = cost_of(plan, model_.image_size());
  facts.evaluation.phenotype = phenotype_hash(cell);
  facts.evaluation.parameters = cost.parameters;
  facts.evaluation.macs = cost.macs;
  if (std::string reason = over_budget(plan, cost); !reason.empty()) {
    facts.evaluation.status = Status::over_budget;
    facts.evaluation.reason = std::move(reason);
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
