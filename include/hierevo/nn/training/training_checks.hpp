#pragma once

#include <cstdint>

#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// Throws UsageError when a batch is larger than this number of training images.
void check_batch(const TrainingOptions& options, std::int64_t images);

/// As check(options); also throws UsageError for images smaller than the crop, fewer than a batch,
/// or no validation images.
void check(const TrainingOptions& options, const ImageTensors& train,
           const ImageTensors& validation);

/// Side of the training images: of crops, or of a square with as many pixels as a whole image.
int trained_side(const ImageTensors& images, const TrainingOptions& options);

/// Throws UsageError when this many ranks cannot share the batches of a training with `options`.
void check_ranks(const TrainingOptions& options, int ranks);

}  // namespace hierevo::nn
