#pragma once

#include <cstdint>
#include <memory>

#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// Batches of `images`, which are in memory, on the device that they are on: cropped and flipped at
/// random, and augmented as the options say. Each image comes once per epoch; the last incomplete
/// batch of an epoch is filled from the next one. Labels are below `classes`; `seed` decides the
/// order and the augmentation. Keeps references to the images and the options.
std::unique_ptr<TrainingBatches> make_training_batches(const ImageTensors& images,
                                                       const PixelNormalisation& normalisation,
                                                       const TrainingOptions& options,
                                                       std::int64_t classes, std::uint64_t seed);

/// All of `images` as they are, on their device. Keeps a reference to them.
std::unique_ptr<TestBatches> make_test_batches(const ImageTensors& images,
                                               const PixelNormalisation& normalisation);

}  // namespace hierevo::nn
