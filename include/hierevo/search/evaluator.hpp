#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// What is to be evaluated.
struct Work {
  evolution::Candidate candidate;
  /// Into how many parts to cut each micro-batch, since memory did not suffice before. A power of
  /// two up to most_memory_parts.
  int memory_parts = 1;
};
/// Work::memory_parts is no larger.
inline constexpr int most_memory_parts = 16;

/// How far an evaluation has come.
struct EvaluationProgress {
  int repeat = 0;
  std::int64_t step = 0;  ///< of `steps`; 0 of 0 where there are none
  std::int64_t steps = 0;
  double loss = 0.0;
  double earlier_seconds = 0.0;  ///< spent on it in earlier runs
};
/// To be called often, many times a second, until it returns false: the evaluation must end then.
using ProgressCallback = std::function<bool(const EvaluationProgress&)>;

/// Thrown by an evaluator that can evaluate nothing more in its process, as when its device has
/// failed. An evaluator process that ends by it is started again, and its candidate counts as
/// crashed; in a thread of a rank it ends the program.
class EvaluatorLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Gives candidates their fitness: by training, an external program, or your own code.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// The fitness of `work.candidate` and what else is known; nothing when `progress` asked to end.
  /// The fitness is a finite number from 0 up, 0 being that of an invalid cell; there may be up to
  /// most_repeats (evolution/codec.hpp) single values. `seconds` of 0 are measured by the caller. A
  /// candidate that cannot be evaluated is a value too: a failure status with its reason; after
  /// `out_of_memory` it is tried again with twice the memory_parts. An exception, and a result
  /// outside these bounds or with another status, counts as `failed`, std::bad_alloc as
  /// `out_of_memory`; EvaluatorLost passes through. All randomness must come from the candidate's
  /// seed.
  virtual std::optional<evolution::Evaluation> evaluate(const Work& work,
                                                        const ProgressCallback& progress) = 0;
};

}  // namespace hierevo::search
