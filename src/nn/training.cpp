#include "hierevo/nn/training.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "augmentation.hpp"
#include "batch_order.hpp"
#include "hierevo/core/error.hpp"
#include "sgd.hpp"

namespace hierevo::nn {

namespace {

/// The losses of the steps so far. Reading one from a GPU waits for it, so there they are read in
/// groups.
class Losses {
 public:
  void add(const at::Tensor& loss) {
    unread_.push_back(loss);
    constexpr std::size_t gpu_group = 50;
    const std::size_t group = loss.device().is_cpu() ? 1 : gpu_group;
    if (unread_.size() >= group) read();
  }

  /// Reads what is left; needed before mean().
  void read() {
    if (unread_.empty()) return;
    const at::Tensor group = at::stack(unread_).to(at::kCPU, at::kDouble);
    unread_.clear();
    const auto* values = group.data_ptr<double>();
    for (std::int64_t i = 0; i < group.numel() && finite(); ++i) read_.push_back(values[i]);
  }

  /// Whether all losses read so far were numbers.
  bool finite() const { return read_.empty() || std::isfinite(read_.back()); }
  double last() const { return read_.empty() ? 0.0 : read_.back(); }

  double mean_of_last_tenth() const {
    if (read_.empty()) return 0.0;
    const std::size_t count = std::max<std::size_t>(1, read_.size() / 10);
    const auto from = read_.end() - static_cast<std::ptrdiff_t>(count);
    return std::accumulate(from, read_.end(), 0.0) / static_cast<double>(count);
  }

 private:
  std::vector<at::Tensor> unread_;
  std::vector<double> read_;
};

struct Batch {
  at::Tensor images;
  at::Tensor labels;
};

/// Makes the training batch of any step.
class BatchSource {
 public:
  BatchSource(const Images& data, const Normalisation& normalisation,
              const TrainingOptions& options, std::uint64_t seed)
      : data_(data),
        normalisation_(normalisation),
        options_(options),
        seed_(seed),
        order_(data.size(), options.batch, seed) {}

  Batch at(std::int64_t step) {
    const ImageSize whole{data_.height(), data_.width()};
    const ImageSize crop = options_.crop == 0 ? whole : ImageSize{options_.crop, options_.crop};
    const core::RandomStream random(seed_, static_cast<std::uint64_t>(step), "crops of a step");
    const Crops crops = draw_crops(options_.batch, whole, crop, options_.flip, random);
    const at::Tensor indices = at::tensor(order_.batch(step));
    return {normalised(cut(data_.pixels, indices, crops, crop), normalisation_),
            data_.labels.index_select(0, indices.to(data_.labels.device()))};
  }

 private:
  const Images& data_;
  const Normalisation& normalisation_;
  const TrainingOptions& options_;
  std::uint64_t seed_;
  BatchOrder order_;
};

}  // namespace

void check(const TrainingOptions& options, const Images& train, const Images& validation) {
  check(options);
  const std::int64_t largest_crop = std::min(train.height(), train.width());
  if (options.crop > largest_crop) {
    throw core::UsageError(fmt::format("A crop of {0}×{0}", options.crop),
                           fmt::format("the images are {}×{}", train.height(), train.width()),
                           fmt::format("Choose at most {}, or 0 for whole images.", largest_crop));
  }
  if (options.batch > train.size()) {
    throw core::UsageError(fmt::format("A batch of {}", options.batch),
                           fmt::format("there are {} images to train on", train.size()),
                           fmt::format("Choose at most {}.", train.size()));
  }
  if (validation.size() < 1) {
    throw core::UsageError("No images to validate on", "at least 1 is needed");
  }
  if (validation.channels() != train.channels()) {
    throw core::UsageError(fmt::format("Images of {} channels to train on and of {} to validate on",
                                       train.channels(), validation.channels()),
                           "one network takes both");
  }
}

TrainingResult train(Executor& executor, const Images& data, const Normalisation& normalisation,
                     const TrainingOptions& options, std::uint64_t seed,
                     const ProgressCallback& progress) {
  BatchSource source(data, normalisation, options, seed);
  Sgd sgd(executor.parameters(), options.momentum, options.weight_decay);
  Losses losses;
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const Batch batch = source.at(step);
    losses.add(executor.train_step(batch.images, batch.labels));
    if (!losses.finite()) return {TrainingEnd::diverged, losses.last()};
    sgd.step(learning_rate_at(options, step));
    const TrainingProgress now{.step = step + 1, .steps = options.steps, .loss = losses.last()};
    if (progress && !progress(now)) {
      losses.read();
      return {TrainingEnd::stopped, losses.mean_of_last_tenth()};
    }
  }
  losses.read();
  if (!losses.finite()) return {TrainingEnd::diverged, losses.last()};
  return {TrainingEnd::finished, losses.mean_of_last_tenth()};
}

double accuracy(Executor& executor, const Images& data, const Normalisation& normalisation,
                std::int64_t batch) {
  at::Tensor right;  // stays on the device until all batches are under way
  for (std::int64_t first = 0; first < data.size(); first += batch) {
    const std::int64_t count = std::min(batch, data.size() - first);
    const at::Tensor logits =
        executor.predict(normalised(data.pixels.narrow(0, first, count), normalisation));
    const at::Tensor labels = data.labels.narrow(0, first, count).to(logits.device());
    const at::Tensor all_finite = at::isfinite(logits).all(1);
    const at::Tensor hits = logits.argmax(1).eq(labels).logical_and(all_finite).sum();
    right = right.defined() ? right + hits : hits;
  }
  return right.item<double>() / static_cast<double>(data.size());
}

}  // namespace hierevo::nn
