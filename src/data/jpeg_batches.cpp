#include "hierevo/data/jpeg_batches.hpp"

#include <algorithm>
#include <utility>

#include "hierevo/core/random.hpp"
#include "hierevo/data/batch_order.hpp"
#include "jpeg_loader.hpp"

namespace hierevo::data {

namespace {

/// The ranges requested for a step: those of the step before, and those of this one so far.
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

  /// The requests that will probably follow, up to `ahead` steps ahead.
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
    const JpegRequest request{step, range};
    if (std::find(requests.begin(), requests.end(), request) == requests.end()) {
      requests.push_back(request);
    }
  }

  std::int64_t step_ = -1;
  std::vector<ImageRange> before_;
  std::vector<ImageRange> now_;
};

}  // namespace

std::shared_ptr<std::uint8_t[]> ordinary_memory(std::size_t bytes) {
  // Not make_shared, which would fill all of it with zeros.
  return std::shared_ptr<std::uint8_t[]>(new std::uint8_t[bytes]);
}

class JpegTrainingBatches::Impl {
 public:
  Impl(const JpegFiles& files, const Options& options, std::uint64_t seed)
      : files_(files),
        options_(options),
        seed_(seed),
        order_(files.size(), options.batch, seed),
        loader_(
            files, options.crop, options.threads,
            [this](const JpegRequest& request) { return tasks_of(request); }, options.memory) {}

  DecodedBatch at(std::int64_t step, ImageRange range) {
    pattern_.add(step, range);
    return loader_.at({step, range}, pattern_.following(options_.ahead));
  }

 private:
  std::vector<JpegTask> tasks_of(const JpegRequest& request) {
    const std::vector<std::int64_t> batch = order_.batch(request.step);
    const std::uint64_t step =
        core::derive_seed(seed_, static_cast<std::uint64_t>(request.step), "parts of a step");
    const auto [first, count] = request.range;
    std::vector<JpegTask> tasks;
    for (std::int64_t i = first; i < first + count; ++i) {
      const std::int64_t index = batch.at(static_cast<std::size_t>(i));
      const core::RandomStream random(step, static_cast<std::uint64_t>(i), "part of an image");
      tasks.push_back(
          {index, draw_image_crop(files_.image_size(index), options_.crop, options_.flip, random)});
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

JpegTrainingBatches::JpegTrainingBatches(const JpegFiles& files, const Options& options,
                                         std::uint64_t seed)
    : impl_(std::make_unique<Impl>(files, options, seed)) {}

JpegTrainingBatches::~JpegTrainingBatches() = default;

DecodedBatch JpegTrainingBatches::at(std::int64_t step, ImageRange range) {
  return impl_->at(step, range);
}

class JpegTestBatches::Impl {
 public:
  Impl(const JpegFiles& files, std::int64_t size, int threads, PixelMemory memory)
      : files_(files),
        size_(size),
        expected_end_(files.size()),
        loader_(
            files, size, threads, [this](const JpegRequest& request) { return tasks_of(request); },
            std::move(memory)) {}

  void expect(ImageRange part) { expected_end_ = part.first + part.count; }

  DecodedBatch at(ImageRange range) {
    std::vector<JpegRequest> next;
    const std::int64_t end = range.first + range.count;
    if (end < expected_end_) next.push_back({0, {end, std::min(range.count, expected_end_ - end)}});
    return loader_.at({0, range}, next);
  }

 private:
  std::vector<JpegTask> tasks_of(const JpegRequest& request) const {
    const auto [first, count] = request.range;
    std::vector<JpegTask> tasks;
    for (std::int64_t i = first; i < first + count; ++i) {
      tasks.push_back({i, center_crop(files_.image_size(i), usual_short_side(size_), size_)});
    }
    return tasks;
  }

  const JpegFiles& files_;
  std::int64_t size_;
  std::int64_t expected_end_;
  JpegLoader loader_;
};

JpegTestBatches::JpegTestBatches(const JpegFiles& files, std::int64_t size, int threads,
                                 PixelMemory memory)
    : impl_(std::make_unique<Impl>(files, size, threads, std::move(memory))) {}

JpegTestBatches::~JpegTestBatches() = default;

void JpegTestBatches::expect(ImageRange part) {
  impl_->expect(part);
}

DecodedBatch JpegTestBatches::at(ImageRange range) {
  return impl_->at(range);
}

}  // namespace hierevo::data
