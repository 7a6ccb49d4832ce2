#pragma once

#include <cstdint>
#include <optional>

#include "hierevo/nn/training/scores.hpp"
#include "replicas.hpp"

namespace hierevo::nn {

/// As scores_of(), on all ranks together: each tests its part of the images, and all agree before
/// each batch to continue. Collective.
std::optional<Scores> scores_of_ranks(Executor& executor, TestBatches& images, std::int64_t batch,
                                      Replicas& replicas, const ShouldContinue& should_continue);

}  // namespace hierevo::nn
