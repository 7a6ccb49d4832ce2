#include "hierevo/nn/batches/jpeg_batches.hpp"

#include <ATen/ATen.h>

#include <utility>

#include "augmentation.hpp"
#include "augmented_batches.hpp"
#include "crop_sender.hpp"
#include "device/transfer_queues.hpp"
#include "hierevo/data/jpeg_batches.hpp"
#include "queued_batches.hpp"

namespace hierevo::nn {

namespace {

/// Where batches are decoded, and how they come to the device from there.
class Pixels {
 public:
  Pixels(std::int64_t size, const std::shared_ptr<TransferQueues>& queues) : size_(size) {
    if (queues) sender_ = std::make_shared<CropSender>(queues);
  }

  data::PixelMemory memory() const {
    if (!sender_) return data::ordinary_memory;
    return [sender = sender_](std::size_t bytes) { return sender->host_memory(bytes); };
  }

  /// [N, 3, size, size] on the device, channels last. Takes over the memory of a batch.
  at::Tensor of(data::DecodedBatch batch) const {
    const auto count = static_cast<std::int64_t>(batch.labels.size());
    const std::vector<std::int64_t> shape = {count, size_, size_, 3};
    if (sender_) {
      const at::Tensor there = sender_->send(std::move(batch.pixels), count * size_ * size_ * 3);
      return there.view(shape).permute({0, 3, 1, 2});
    }
    const auto pixels = std::move(batch.pixels);
    return at::from_blob(
               pixels.get(), shape, [pixels](void*) {}, at::kByte)
        .permute({0, 3, 1, 2});
  }

 private:
  std::int64_t size_;
  std::shared_ptr<CropSender> sender_;  ///< null where the device is the CPU
};

class JpegTrainingBatches final : public AugmentedBatches {
 public:
  JpegTrainingBatches(const data::JpegFiles& files, const PixelNormalisation& normalisation,
                      const TrainingOptions& options, std::uint64_t seed, int threads,
                      Source source)
      : AugmentedBatches(std::move(source), normalisation, options, seed),
        files_(files),
        pixels_(options.crop, this->source().queues),
        decoded_(files,
                 {.batch = options.batch,
                  .crop = options.crop,
                  .flip = options.flip,
                  .threads = threads,
                  .memory = pixels_.memory()},
                 seed) {}

 private:
  std::int64_t label(std::int64_t index) const override { return files_.label(index); }

  at::Tensor pixels(std::int64_t step, data::ImageRange range,
                    std::span<const at::Tensor>) override {
    return pixels_.of(decoded_.at(step, range));
  }

  const data::JpegFiles& files_;
  Pixels pixels_;
  data::JpegTrainingBatches decoded_;
};

class JpegTestBatches final : public TestBatches {
 public:
  JpegTestBatches(const data::JpegFiles& files, const PixelNormalisation& normalisation,
                  std::int64_t size, int threads, c10::Device device,
                  const std::shared_ptr<TransferQueues>& queues)
      : count_(files.size()),
        normalisation_(on_device(normalisation, device)),
        pixels_(size, queues),
        decoded_(files, size, threads, pixels_.memory()) {}

  std::int64_t size() const override { return count_; }
  void expect(data::ImageRange part) override { decoded_.expect(part); }

  Batch at(data::ImageRange range) override {
    data::DecodedBatch batch = decoded_.at(range);
    const at::Tensor labels = at::tensor(batch.labels, at::kLong);
    return {normalised(pixels_.of(std::move(batch)), normalisation_), labels};
  }

 private:
  std::int64_t count_;
  PixelNormalisation normalisation_;
  Pixels pixels_;
  data::JpegTestBatches decoded_;
};

}  // namespace

std::unique_ptr<TrainingBatches> make_jpeg_training_batches(const data::JpegFiles& files,
                                                            const PixelNormalisation& normalisation,
                                                            const TrainingOptions& options,
                                                            std::int64_t classes,
                                                            std::uint64_t seed, int threads,
                                                            c10::Device device) {
  return make_jpeg_training_batches(files, normalisation, options, classes, seed, threads, device,
                                    make_transfer_queues(device));
}

std::unique_ptr<TrainingBatches> make_jpeg_training_batches(
    const data::JpegFiles& files, const PixelNormalisation& normalisation,
    const TrainingOptions& options, std::int64_t classes, std::uint64_t seed, int threads,
    c10::Device device, std::shared_ptr<TransferQueues> queues) {
  AugmentedBatches::Source source{.images = files.size(),
                                  .crop = {options.crop, options.crop},
                                  .classes = classes,
                                  .device = device,
                                  .queues = std::move(queues)};
  return std::make_unique<JpegTrainingBatches>(files, normalisation, options, seed, threads,
                                               std::move(source));
}

std::unique_ptr<TestBatches> make_jpeg_test_batches(const data::JpegFiles& files,
                                                    const PixelNormalisation& normalisation,
                                                    std::int64_t size, int threads,
                                                    c10::Device device) {
  return make_jpeg_test_batches(files, normalisation, size, threads, device,
                                make_transfer_queues(device));
}

std::unique_ptr<TestBatches> make_jpeg_test_batches(const data::JpegFiles& files,
                                                    const PixelNormalisation& normalisation,
                                                    std::int64_t size, int threads,
                                                    c10::Device device,
                                                    std::shared_ptr<TransferQueues> queues) {
  return std::make_unique<JpegTestBatches>(files, normalisation, size, threads, device, queues);
}

}  // namespace hierevo::nn
