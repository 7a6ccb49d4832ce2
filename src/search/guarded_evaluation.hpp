// An evaluation whose evaluator may do anything but crash.
#pragma once

#include <optional>

#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

/// What came out, as evaluator.hpp has it: exceptions but EvaluatorLost, and what is out of bounds,
/// are failures.
/// Nothing only when `progress` had asked for the end.
std::optional<evolution::Evaluation> guarded_evaluation(Evaluator& evaluator, const Work& work,
                                                        const ProgressCallback& progress);

}  // namespace hierevo::search
