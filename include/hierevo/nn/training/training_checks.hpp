#pragma once

#include <cstdint>

#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// Throws UsageError when a batch is larger than so many images to train on.
void check_batch(const TrainingOptions& options, std::int64_t images);

/// As check(options); also throws UsageError for images smaller than the crop, fewer than a batch,
/// or nothing to validate on.
void check(const TrainingOptions& options, const ImageTensors& train,
           const ImageTensors& validation);

/// Side of what is trained on: of the crops, or of a square of as many pixels as whole images have.
int trained_side(const ImageTensors& images, const TrainingOptions& options);

/// Throws UsageError when so many ranks cannot share the batches of a training with `options`.
void check_ranks(const TrainingOptions& options, int ranks);

}  // namespace hierevo::nn
