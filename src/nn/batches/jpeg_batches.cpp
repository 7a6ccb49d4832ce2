#include "hierevo/nn/batches/jpeg_batches.hpp"

#include <ATen/ATen.h>

#include <utility>

#include "augmentation.hpp"
#include "augmented_batches.hpp"
#include "hierevo/data/jpeg_batches.hpp"

namespace hierevo::nn {

namespace {

/// Takes over the memory of a batch: channels last, as it was decoded.
ImageTensors to_tensors(data::DecodedBatch batch, std::int64_t size) {
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  const auto pixels = std::move(batch.pixels);
  return {at::from_blob(
              pixels.get(), {count, size, size, 3}, [pixels](void*) {}, at::kByte)
              .permute({0, 3, 1, 2}),
          at::tensor(batch.labels, at::kLong)};
}

class JpegTrainingBatches final : public AugmentedBatches {
 public:
  JpegTrainingBatches(const data::JpegFiles& files, const PixelNormalisation& normalisation,
                      const TrainingOptions& options, std::int64_t classes, std::uint64_t seed,
                      int threads, c10::Device device)
      : AugmentedBatches(files.size(), normalisation, options, classes, seed, device),
        size_(options.crop),
        decoded_(files,
                 {.batch = options.batch,
                  .crop = options.crop,
                  .flip = options.flip,
                  .threads = threads},
                 seed) {}

 private:
  ImageTensors pixels(std::int64_t step, data::ImageRange range) override {
    return to_tensors(decoded_.at(step, range), size_);
  }

  std::int64_t size_;
  data::JpegTrainingBatches decoded_;
};

class JpegTestBatches final : public TestBatches {
 public:
  JpegTestBatches(const data::JpegFiles& files, PixelNormalisation normalisation, std::int64_t size,
                  int threads)
      : count_(files.size()),
        normalisation_(std::move(normalisation)),
        size_(size),
        decoded_(files, size, threads) {}

  std::int64_t size() const override { return count_; }
  void expect(data::ImageRange part) override { decoded_.expect(part); }

  Batch at(data::ImageRange range) override {
    const ImageTensors images = to_tensors(decoded_.at(range), size_);
    return {normalised(images.pixels, normalisation_), images.labels};
  }

 private:
  std::int64_t count_;
  PixelNormalisation normalisation_;
  std::int64_t size_;
  data::JpegTestBatches decoded_;
};

}  // namespace

std::unique_ptr<TrainingBatches> make_jpeg_training_batches(const data::JpegFiles& files,
                                                            const PixelNormalisation& normalisation,
                                                            const TrainingOptions& options,
                                                            std::int64_t classes,
                                                            std::uint64_t seed, int threads,
                                                            c10::Device device) {
  return std::make_unique<JpegTrainingBatches>(files, normalisation, options, classes, seed,
                                               threads, device);
}

std::unique_ptr<TestBatches> make_jpeg_test_batches(const data::JpegFiles& files,
                                                    const PixelNormalisation& normalisation,
                                                    std::int64_t size, int threads) {
  return std::make_unique<JpegTestBatches>(files, normalisation, size, threads);
}

}  // namespace hierevo::nn
