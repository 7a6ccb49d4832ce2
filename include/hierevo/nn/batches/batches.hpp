#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "hierevo/data/images.hpp"

namespace hierevo::nn {

/// Images to train or test on with their targets: labels [N] (int64), or probabilities of the
/// classes [N, classes] (float).
struct Batch {
  at::Tensor images;  ///< [N, C, H, W], float32, normalised
  at::Tensor targets;
};

/// Where the batches of a training come from. A batch depends on the data, the options, the seed
/// and the step alone, not on which part of it is requested or how it is made: ranks that request
/// parts see the batch that a single rank would see. Belongs to one thread.
class TrainingBatches {
 public:
  virtual ~TrainingBatches() = default;

  /// The images `range` of the batch of step `step` (from 0), augmented. Throws IoError when they
  /// can no longer be read.
  virtual Batch at(std::int64_t step, data::ImageRange range) = 0;
};

/// Test images, in a fixed order, with their labels. Belongs to one thread.
class TestBatches {
 public:
  virtual ~TestBatches() = default;

  /// Number of images.
  virtual std::int64_t size() const = 0;
  /// From now on only images of `part` are requested, in order: others need not be prepared.
  virtual void expect(data::ImageRange part) { static_cast<void>(part); }
  /// The images `range`. Throws IoError when they can no longer be read.
  virtual Batch at(data::ImageRange range) = 0;
};

}  // namespace hierevo::nn
