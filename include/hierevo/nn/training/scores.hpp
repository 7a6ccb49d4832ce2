#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::nn {

/// What a network does with images. An image whose logits are not all finite counts as wrong.
struct Scores {
  double top1 = 0.0;  ///< share whose label has the largest logit
  double top5 = 0.0;  ///< share whose label is among the five largest
};

/// Called between batches of a test; returning false stops there. May be empty.
using ShouldContinue = std::function<bool()>;

/// Scores of `executor` over all images, `batch` at a time. Nothing if `should_continue` was false.
std::optional<Scores> scores_of(Executor& executor, TestBatches& images, std::int64_t batch,
                                const ShouldContinue& should_continue = {});

}  // namespace hierevo::nn
