#include "hierevo/nn/jpeg_batches.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "augmentation.hpp"
#include "augmented_batches.hpp"
#include "batch_order.hpp"
#include "jpeg_loader.hpp"

namespace hierevo::nn {

namespace {

/// Takes over the memory of a batch.
Images images_of(DecodedBatch batch, std::int64_t size) {
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  const auto pixels = batch.pixels;
  return {at::from_blob(
              pixels.get(), {count, size, size, 3}, [pixels](void*) {}, at::kByte)
              .permute({0, 3, 1, 2}),
          at::tensor(batch.labels, at::kLong)};
}

/// What ranges of a step are asked for: those of the step before, and those seen of this one.
class RangePattern {
 public:
  void add(std::int64_t step, ImageRange range) {
    if (step != step_) {
      before_ = step == step_ + 1 ? std::exchange(now_, {}) : std::vector<ImageRange>{};
      now_.clear();
      step_ = step;
    }
    now_.push_back(range);
  }

  /// The requests that will probably follow, up to `ahead` steps on.
  std::vector<JpegRequest> following(int ahead) const {
    std::vector<JpegRequest> requests;
    for (std::size_t i = now_.size(); i < before_.size(); ++i) append(step_, before_[i], requests);
    const auto& ranges = now_.size() < before_.size() ? before_ : now_;
    for (int i = 1; i <= ahead; ++i) {
      for (const ImageRange& range : ranges) append(step_ + i, range, requests);
    }
    return requests;
  }

 private:
  static void append(std::int64_t step, ImageRange range, std::vector<JpegRequest>& requests) {
    const JpegRequest request{step, range.first, range.count};
    if (std::find(requests.begin(), requests.end(), request) == requests.end()) {
      requests.push_back(request);
    }
  }

  std::int64_t step_ = -1;
  std::vector<ImageRange> before_;
  std::vector<ImageRange> now_;
};

class JpegTestBatches : public TestBatches {
 public:
  JpegTestBatches(const JpegFiles& files, Normalisation normalisation, std::int64_t image_size,
                  int threads)
      : files_(files),
        normalisation_(std::move(normalisation)),
        image_size_(image_size),
        expected_end_(files.size()),
        loader_(files, image_size, threads,
                [this](const JpegRequest& request) { return tasks_of(request); }) {}

  std::int64_t size() const override { return files_.size(); }
  void expect(ImageRange part) override { expected_end_ = part.first + part.count; }

  Batch at(ImageRange range) override {
    std::vector<JpegRequest> next;
    const std::int64_t end = range.first + range.count;
    if (end < expected_end_) next.push_back({0, end, std::min(range.count, expected_end_ - end)});
    Images images = images_of(loader_.at({0, range.first, range.count}, next), image_size_);
    return {normalised(images.pixels, normalisation_), images.labels};
  }

 private:
  std::vector<JpegTask> tasks_of(const JpegRequest& request) const {
    std::vector<JpegTask> tasks;
    for (std::int64_t i = request.first; i < request.first + request.count; ++i) {
      tasks.push_back(
          {i, centre_crop(files_.picture(i), usual_short_side(image_size_), image_size_)});
    }
    return tasks;
  }

  const JpegFiles& files_;
  Normalisation normalisation_;
  std::int64_t image_size_;
  std::int64_t expected_end_;
  JpegLoader loader_;
};

}  // namespace

class JpegTrainingPixels::Impl {
 public:
  Impl(const JpegFiles& files, const Options& options, std::uint64_t seed)
      : files_(files),
        options_(options),
        seed_(seed),
        order_(files.size(), options.batch, seed),
        loader_(files, options.crop, options.threads,
                [this](const JpegRequest& request) { return tasks_of(request); }) {}

  Images at(std::int64_t step, ImageRange range) {
    pattern_.add(step, range);
    const JpegRequest request{step, range.first, range.count};
    return images_of(loader_.at(request, pattern_.following(options_.ahead)), options_.crop);
  }

 private:
  std::vector<JpegTask> tasks_of(const JpegRequest& request) {
    const std::vector<std::int64_t> batch = order_.batch(request.step);
    const std::uint64_t step =
        core::derive_seed(seed_, static_cast<std::uint64_t>(request.step), "parts of a step");
    std::vector<JpegTask> tasks;
    for (std::int64_t i = request.first; i < request.first + request.count; ++i) {
      const std::int64_t index = batch.at(static_cast<std::size_t>(i));
      const core::RandomStream random(step, static_cast<std::uint64_t>(i), "part of an image");
      tasks.push_back(
          {index, draw_image_crop(files_.picture(index), options_.crop, options_.flip, random)});
    }
    return tasks;
  }

  const JpegFiles& files_;
  Options options_;
  std::uint64_t seed_;
  BatchOrder order_;
  RangePattern pattern_;
  JpegLoader loader_;  // last: its threads end first
};

JpegTrainingPixels::JpegTrainingPixels(const JpegFiles& files, const Options& options,
                                       std::uint64_t seed)
    : impl_(std::make_unique<Impl>(files, options, seed)) {}

JpegTrainingPixels::~JpegTrainingPixels() = default;

Images JpegTrainingPixels::at(std::int64_t step, ImageRange range) {
  return impl_->at(step, range);
}

namespace {

class JpegBatches final : public AugmentedBatches {
 public:
  JpegBatches(const JpegFiles& files, const Normalisation& normalisation,
              const TrainingOptions& options, std::int64_t classes, std::uint64_t seed, int threads,
              c10::Device device)
      : AugmentedBatches(files.size(), normalisation, options, classes, seed, device),
        pixels_(files,
                {.batch = options.batch,
                 .crop = options.crop,
                 .flip = options.flip,
                 .threads = threads},
                seed) {}

 private:
  Images pixels(std::int64_t step, ImageRange range) override { return pixels_.at(step, range); }

  JpegTrainingPixels pixels_;
};

}  // namespace

std::unique_ptr<TrainingBatches> make_jpeg_training_batches(
    const JpegFiles& files, const Normalisation& normalisation, const TrainingOptions& options,
    std::int64_t classes, std::uint64_t seed, int threads, c10::Device device) {
  return std::make_unique<JpegBatches>(files, normalisation, options, classes, seed, threads,
                                       device);
}

std::unique_ptr<TestBatches> make_jpeg_test_batches(const JpegFiles& files,
                                                    const Normalisation& normalisation,
                                                    std::int64_t size, int threads) {
  return std::make_unique<JpegTestBatches>(files, normalisation, size, threads);
}

}  // namespace hierevo::nn
