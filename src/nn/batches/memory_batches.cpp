#include "hierevo/nn/batches/memory_batches.hpp"

#include <ATen/ATen.h>

#include <utility>

#include "augmentation.hpp"
#include "augmented_batches.hpp"
#include "queued_batches.hpp"

namespace hierevo::nn {

namespace {

data::ImageSize crop_of(const ImageTensors& images, const TrainingOptions& options) {
  return options.crop == 0 ? images.image_size() : data::ImageSize{options.crop, options.crop};
}

class MemoryBatches final : public AugmentedBatches {
 public:
  MemoryBatches(const ImageTensors& images, const PixelNormalisation& normalisation,
                const TrainingOptions& options, std::int64_t classes, std::uint64_t seed,
                std::shared_ptr<TransferQueues> queues)
      : AugmentedBatches({.images = images.size(),
                          .crop = crop_of(images, options),
                          .classes = classes,
                          .device = images.pixels.device(),
                          .queues = std::move(queues)},
                         normalisation, options, seed),
        image_size_(images.image_size()),
        labels_(images.labels.cpu().contiguous()),
        pixels_(images.pixels.permute({0, 2, 3, 1}).reshape({-1, images.channels()})),
        cutter_(image_size_, source().crop, source().device) {}

 private:
  std::int64_t label(std::int64_t index) const override {
    return labels_.data_ptr<std::int64_t>()[index];
  }

  std::vector<at::Tensor> draw(std::int64_t step, std::span<const std::int64_t> indices) override {
    const Crops crops = draw_crops(options().batch, image_size_, source().crop, options().flip,
                                   stream(step, "crops of a step"));
    const CropPlaces places = places_of(crops, indices, image_size_, source().crop);
    return {places.first, places.step};
  }

  at::Tensor pixels(std::int64_t, data::ImageRange, std::span<const at::Tensor> drawn) override {
    return cutter_.cut(pixels_, {drawn[0], drawn[1]});
  }

  data::ImageSize image_size_;
  at::Tensor labels_;  ///< on the CPU: targets are made there
  at::Tensor
      pixels_;  ///< [images × height × width, C]; the memory of the images, if that is theirs
  Cutter cutter_;
};

class MemoryTestBatches final : public TestBatches {
 public:
  MemoryTestBatches(const ImageTensors& images, const PixelNormalisation& normalisation)
      : images_(images), normalisation_(on_device(normalisation, images.pixels.device())) {}

  std::int64_t size() const override { return images_.size(); }

  Batch at(data::ImageRange range) override {
    return {normalised(images_.pixels.narrow(0, range.first, range.count), normalisation_),
            images_.labels.narrow(0, range.first, range.count)};
  }

 private:
  const ImageTensors& images_;
  PixelNormalisation normalisation_;
};

}  // namespace

std::unique_ptr<TrainingBatches> make_training_batches(const ImageTensors& images,
                                                       const PixelNormalisation& normalisation,
                                                       const TrainingOptions& options,
                                                       std::int64_t classes, std::uint64_t seed) {
  return make_training_batches(images, normalisation, options, classes, seed,
                               make_transfer_queues(images.pixels.device()));
}

std::unique_ptr<TrainingBatches> make_training_batches(const ImageTensors& images,
                                                       const PixelNormalisation& normalisation,
                                                       const TrainingOptions& options,
                                                       std::int64_t classes, std::uint64_t seed,
                                                       std::shared_ptr<TransferQueues> queues) {
  return std::make_unique<MemoryBatches>(images, normalisation, options, classes, seed,
                                         std::move(queues));
}

std::unique_ptr<TestBatches> make_test_batches(const ImageTensors& images,
                                               const PixelNormalisation& normalisation) {
  return std::make_unique<MemoryTestBatches>(images, normalisation);
}

}  // namespace hierevo::nn
