// The network of a run whose data are not at hand.
#pragma once

#include <optional>
#include <vector>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/genome/plan.hpp"

namespace hierevo::search {

/// `model` with the input channels and classes that give most of the costs recorded in `history`.
/// Nothing when no costs are recorded, or none can be of this model.
std::optional<genome::ModelSpec> infer_model(const genome::ModelSpec& model,
                                             const std::vector<evolution::Individual>& history);

}  // namespace hierevo::search
