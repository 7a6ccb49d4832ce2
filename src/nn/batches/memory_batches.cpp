#include "hierevo/nn/batches/memory_batches.hpp"

#include <ATen/ATen.h>

#include "augmentation.hpp"
#include "augmented_batches.hpp"
#include "device/transfer.hpp"

namespace hierevo::nn {

namespace {

class MemoryBatches final : public AugmentedBatches {
 public:
  MemoryBatches(const ImageTensors& images, const PixelNormalisation& normalisation,
                const TrainingOptions& options, std::int64_t classes, std::uint64_t seed)
      : AugmentedBatches(images.size(), normalisation, options, classes, seed,
                         images.pixels.device()),
        images_(images) {}

 private:
  ImageTensors pixels(std::int64_t step, data::ImageRange range) override {
    const data::ImageSize whole = images_.image_size();
    const std::int64_t side = options().crop;
    const data::ImageSize crop = side == 0 ? whole : data::ImageSize{side, side};
    const Crops all =
        draw_crops(options().batch, whole, crop, options().flip, stream(step, "crops of a step"));
    const auto own = [&range](const at::Tensor& of_all) {
      return of_all.narrow(0, range.first, range.count);
    };
    const at::Tensor indices =
        to_device_async(own(at::tensor(batch_of(step))), images_.pixels.device());
    return {cut(images_.pixels, indices, {own(all.top), own(all.left), own(all.flipped)}, crop),
            images_.labels.index_select(0, indices)};
  }

  const ImageTensors& images_;
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
  return std::make_unique<MemoryBatches>(images, normalisation, options, classes, seed);
}

std::unique_ptr<TestBatches> make_test_batches(const ImageTensors& images,
                                               const PixelNormalisation& normalisation) {
  return std::make_unique<MemoryTestBatches>(images, normalisation);
}

}  // namespace hierevo::nn
