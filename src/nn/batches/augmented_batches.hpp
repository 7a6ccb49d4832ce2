#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string_view>

#include "augmentation.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/data/batch_order.hpp"
#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// The training batch of any step: which images, and how they are recoloured, normalised, cut out
/// and mixed, as the options say. Where pixels come from, and how they are cropped and flipped, is
/// left to derived classes.
class AugmentedBatches : public TrainingBatches {
 public:
  /// `images` is the size of the data set, whose labels are below `classes`. Everything but
  /// pixels() happens on `device`. Keeps a reference to the options.
  AugmentedBatches(std::int64_t images, const PixelNormalisation& normalisation,
                   const TrainingOptions& options, std::int64_t classes, std::uint64_t seed,
                   c10::Device device);

  Batch at(std::int64_t step, data::ImageRange range) final;

 protected:
  /// The images `range` of the batch of step `step` with their labels, cropped and flipped: uint8,
  /// on any device, preferably channels last. Each must be the same whatever range is requested.
  virtual ImageTensors pixels(std::int64_t step, data::ImageRange range) = 0;

  /// Which images of the data set a batch has, in order. Cheap when steps come in order.
  std::vector<std::int64_t> batch_of(std::int64_t step) { return order_.batch(step); }
  /// A stream for each purpose: switching one on does not change the others. Draw for the whole
  /// batch, whatever range is requested.
  core::RandomStream stream(std::int64_t step, std::string_view purpose) const {
    return core::RandomStream(seed_, static_cast<std::uint64_t>(step), purpose);
  }
  const TrainingOptions& options() const { return options_; }

 private:
  Batch unmixed(std::int64_t step, data::ImageRange range);
  Batch partners(std::int64_t step, data::ImageRange range, const Batch& own);
  void mix(Batch& batch, const Batch& others, std::int64_t step) const;

  PixelNormalisation normalisation_;
  const TrainingOptions& options_;
  std::int64_t classes_;
  std::uint64_t seed_;
  c10::Device device_;
  data::BatchOrder order_;
};

}  // namespace hierevo::nn
