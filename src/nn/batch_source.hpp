#pragma once

#include <cstdint>

#include "batch_order.hpp"
#include "hierevo/nn/dataset.hpp"
#include "hierevo/nn/training_options.hpp"
#include "mixing.hpp"

namespace hierevo::nn {

/// Makes the training batch of any step: which images, cropped, flipped, recoloured, normalised and
/// mixed as the options say. It depends on the data, the options, the seed and the step alone.
class BatchSource {
 public:
  /// Keeps references to its arguments. `data` has labels below `classes`.
  BatchSource(const Images& data, const Normalisation& normalisation,
              const TrainingOptions& options, std::int64_t classes, std::uint64_t seed);

  Batch at(std::int64_t step);

 private:
  void mix(Batch& batch, std::int64_t step) const;

  const Images& data_;
  const Normalisation& normalisation_;
  const TrainingOptions& options_;
  std::int64_t classes_;
  std::uint64_t seed_;
  BatchOrder order_;
};

}  // namespace hierevo::nn
