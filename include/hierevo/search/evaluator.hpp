#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// How far an evaluation has come.
struct EvaluationProgress {
  int repeat = 0;
  std::int64_t step = 0;  ///< of `steps`; 0 of 0 where there are none
  std::int64_t steps = 0;
  double loss = 0.0;
  double earlier_seconds = 0.0;  ///< spent on it in starts before this one
};
/// To be called often, many times a second: the rank looks at its messages and signals meanwhile.
/// False asks the evaluation to end.
using ProgressCallback = std::function<bool(const EvaluationProgress&)>;

/// What gives candidates their fitness: a training, an external program, your own code.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// The fitness of `candidate` and what else is known; nothing when `progress` asked to end. The
  /// fitness is a finite number from 0 up, 0 being that of an invalid cell; there may be up to
  /// most_repeats (evolution/codec.hpp) single values. `seconds` is measured by the caller. A
  /// candidate that cannot be evaluated is a value too: a failure status with its reason. An
  /// exception, and a result outside these bounds, counts as `failed`. All randomness must come
  /// from candidate.seed.
  virtual std::optional<evolution::Evaluation> evaluate(const evolution::Candidate& candidate,
                                                        const ProgressCallback& progress) = 0;
};

}  // namespace hierevo::search
