// What is known of a candidate before anybody evaluates it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/search/search.hpp"

namespace hierevo::search {

class Screening {
 public:
  /// `data`: none where no data were read, and nothing is trained. `evaluator_memory`: the least
  /// bytes that an evaluator has for a training, 0 where that is not known; it counts where the
  /// options say none.
  Screening(const SearchOptions& options, const std::optional<DataFacts>& data,
            std::int64_t evaluator_memory = 0);

  /// Remembers an evaluated individual for those of equal phenotype that come later.
  void remember(const evolution::Evaluation& evaluation);

  /// Phenotype and cost of the candidate, for its evaluation to be filled in.
  struct Facts {
    evolution::Evaluation evaluation;  ///< parameters, macs and phenotype are set
    bool decided = false;              ///< the evaluation is complete: nobody need evaluate
  };
  Facts look_at(const evolution::Candidate& candidate) const;

 private:
  /// Why nobody should train a network of this cost; empty when somebody may.
  std::string over_budget(const genome::Plan& plan, const genome::Cost& cost) const;

  genome::ModelSpec model_;
  std::optional<std::int64_t> max_parameters_;
  std::optional<std::int64_t> max_macs_;
  std::optional<TrainingMemory> memory_;
  int training_size_;  ///< height and width of what is trained on
  bool reuse_fitness_;
  std::unordered_map<std::uint64_t, evolution::Evaluation> evaluated_;
};

}  // namespace hierevo::search
