#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "augmentation.hpp"
#include "device/transfer_queues.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/data/batch_order.hpp"
#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/training_options.hpp"
#include "mixing.hpp"
#include "packed_sender.hpp"

namespace hierevo::nn {

/// The training batch of any step: which images, and how they are recoloured, normalised, cut out
/// and mixed, as the options say. Where pixels come from, and how they are cropped and flipped, is
/// left to derived classes. All random numbers of a step are drawn on the host, and reach a device
/// with the targets in one copy.
class AugmentedBatches : public TrainingBatches {
 public:
  /// What the batches are made of, and where.
  struct Source {
    std::int64_t images = 0;  ///< of the data set
    data::ImageSize crop;     ///< of the images of a batch
    std::int64_t classes = 0;
    c10::Device device;
    std::shared_ptr<TransferQueues> queues;  ///< of the device; null for the CPU
  };
  /// Keeps a reference to the options.
  AugmentedBatches(Source source, const PixelNormalisation& normalisation,
                   const TrainingOptions& options, std::uint64_t seed);

  Batch at(std::int64_t step, data::ImageRange range) final;

 protected:
  /// Of an image of the data set, below `classes`.
  virtual std::int64_t label(std::int64_t index) const = 0;
  /// What pixels() needs for the batch of step `step`, whose images are `indices`: tensors on the
  /// CPU with a row for each image.
  virtual std::vector<at::Tensor> draw(std::int64_t step, std::span<const std::int64_t> indices);
  /// The images `range` of the batch of step `step`, cropped and flipped: [N, C, H, W], uint8, on
  /// the device, preferably channels last. `drawn` is what draw() returned, of these images, on the
  /// device. Each image must be the same whatever range is requested.
  virtual at::Tensor pixels(std::int64_t step, data::ImageRange range,
                            std::span<const at::Tensor> drawn) = 0;

  /// A stream for each purpose: switching one on does not change the others. Draw for the whole
  /// batch, whatever range is requested.
  core::RandomStream stream(std::int64_t step, std::string_view purpose) const {
    return core::RandomStream(seed_, static_cast<std::uint64_t>(step), purpose);
  }
  const TrainingOptions& options() const { return options_; }
  const Source& source() const { return source_; }

 private:
  /// How all images of a step are mixed with others.
  struct Mixing {
    double own = 1.0;        ///< share of the own label
    std::optional<Box> box;  ///< CutMix, not mixup
  };

  bool recolours() const { return options_.brightness > 0.0 || options_.contrast > 0.0; }
  std::optional<Mixing> draw_mixing(std::int64_t step) const;
  data::ImageRange partners_of(data::ImageRange range) const;
  at::Tensor targets(std::span<const std::int64_t> indices, data::ImageRange range,
                     const std::optional<Mixing>& mixing) const;
  at::Tensor unmixed(std::int64_t step, data::ImageRange range, std::span<const at::Tensor> drawn);

  Source source_;
  PixelNormalisation normalisation_;
  const TrainingOptions& options_;
  std::uint64_t seed_;
  data::BatchOrder order_;
  PackedSender sender_;
};

}  // namespace hierevo::nn
