#include "hierevo/nn/training.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "augmentation.hpp"
#include "batch_source.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "loss_record.hpp"
#include "sgd.hpp"
#include "weight_average.hpp"

namespace hierevo::nn {

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

std::optional<Scores> scores_of(Executor& executor, const Images& images,
                                const Normalisation& normalisation, std::int64_t batch,
                                const KeepOn& keep_on) {
  at::Tensor right;  // [2], stays on the device until all batches are under way
  for (std::int64_t first = 0; first < images.size(); first += batch) {
    if (keep_on && !keep_on()) return std::nullopt;
    const std::int64_t count = std::min(batch, images.size() - first);
    const at::Tensor logits =
        executor.predict(normalised(images.pixels.narrow(0, first, count), normalisation));
    const at::Tensor labels = images.labels.narrow(0, first, count).to(logits.device());
    const std::int64_t five = std::min<std::int64_t>(5, logits.size(1));
    const at::Tensor finite = at::isfinite(logits).all(1, /*keepdim=*/true);
    const at::Tensor hits =
        std::get<1>(logits.topk(five, 1)).eq(labels.unsqueeze(1)).logical_and(finite);
    const at::Tensor counts = at::stack({hits.select(1, 0).sum(), hits.sum()});
    right = right.defined() ? right + counts : counts;
  }
  const auto share = [&](std::int64_t i) {
    return right[i].item<double>() / static_cast<double>(images.size());
  };
  return Scores{share(0), share(1)};
}

namespace {

using Clock = std::chrono::steady_clock;

std::vector<NamedTensor> weights_of(Executor& executor) {
  std::vector<NamedTensor> all = executor.parameters();
  const std::vector<NamedTensor> buffers = executor.buffers();
  all.insert(all.end(), buffers.begin(), buffers.end());
  return all;
}

/// Throws UsageError unless `saved` has the names and shapes of `own`.
void require_like(const std::vector<NamedTensor>& saved, const std::vector<NamedTensor>& own,
                  std::string_view what) {
  const auto refuse = [&](const std::string& why) {
    throw core::UsageError(fmt::format("A saved training has other {} than this network", what),
                           why, "Go on with the network and the options that it began with.");
  };
  if (saved.size() != own.size()) {
    refuse(fmt::format("{} tensors instead of {}", saved.size(), own.size()));
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (saved[i].name != own[i].name || saved[i].tensor.sizes() != own[i].tensor.sizes()) {
      refuse(fmt::format("'{}' instead of '{}'", saved[i].name, own[i].name));
    }
  }
}

void copy(const std::vector<NamedTensor>& from, const std::vector<NamedTensor>& to) {
  const at::NoGradGuard without_gradients;
  for (std::size_t i = 0; i < to.size(); ++i) at::Tensor(to[i].tensor).copy_(from[i].tensor);
}

/// The network has its averaged weights, where there are any, as long as this lives; also when
/// memory runs out meanwhile.
class AverageInPlace {
 public:
  explicit AverageInPlace(std::optional<WeightAverage>& average) : average_(average) {
    if (average_) average_->swap();
  }
  ~AverageInPlace() {
    if (average_) average_->swap();
  }
  AverageInPlace(const AverageInPlace&) = delete;
  AverageInPlace& operator=(const AverageInPlace&) = delete;

 private:
  std::optional<WeightAverage>& average_;
};

}  // namespace

class Trainer::Impl {
 public:
  Impl(Executor& executor, const Images& data, const Normalisation& normalisation,
       const TrainingOptions& options, std::int64_t classes, std::uint64_t seed)
      : executor_(executor),
        normalisation_(normalisation),
        options_(options),
        seed_(seed),
        source_(data, normalisation, options, classes, seed),
        sgd_(executor.parameters(),
             {options.momentum, options.weight_decay, options.decay_norms, options.clip_norm}) {
    if (options.average > 0.0) average_.emplace(weights_of(executor), options.average);
  }

  TrainingEnd run(const ProgressCallback& progress) {
    Clock::duration waited{};
    TrainingEnd end = TrainingEnd::finished;
    while (losses_.finite() && step_ < options_.steps) {
      const auto start = Clock::now();
      const Batch batch = source_.at(step_);
      waited += Clock::now() - start;
      losses_.add(pass(batch));
      if (!losses_.finite()) break;
      sgd_.step(learning_rate_at(options_, step_));
      if (average_) average_->update(step_);
      ++step_;
      const TrainingProgress now{.step = step_,
                                 .steps = options_.steps,
                                 .loss = losses_.last(),
                                 .data_seconds = std::chrono::duration<double>(waited).count()};
      if (progress && !progress(now)) {
        end = TrainingEnd::stopped;
        break;
      }
    }
    losses_.read();
    return losses_.finite() ? end : TrainingEnd::diverged;
  }

  std::int64_t step() const { return step_; }
  double loss() const { return losses_.mean_of_last_tenth(); }

  std::optional<Scores> test(const Images& images, const KeepOn& keep_on) {
    const AverageInPlace in_place(average_);
    return scores_of(executor_, images, normalisation_, options_.evaluation_batch, keep_on);
  }

  TrainingState state() {
    losses_.read();
    return {.losses = losses_.values(),
            .weights = weights_of(executor_),
            .momentum = sgd_.velocities(),
            .average = average_ ? average_->values() : std::vector<NamedTensor>{}};
  }

  void restore(const TrainingState& state) {
    const TrainingState own = this->state();
    require_like(state.weights, own.weights, "weights");
    require_like(state.momentum, own.momentum, "momentum");
    require_like(state.average, own.average, "averages of weights");
    copy(state.weights, own.weights);
    copy(state.momentum, own.momentum);
    copy(state.average, own.average);
    losses_ = LossRecord(state.losses);
    step_ = state.step();
  }

 private:
  /// Gradients of a whole batch, in as many parts as asked for; its mean loss.
  at::Tensor pass(const Batch& batch) {
    StepOptions step{.label_smoothing = options_.label_smoothing,
                     .drop_path = options_.drop_path,
                     .bf16 = options_.bf16};
    const auto images = batch.images.tensor_split(options_.micro_batches);
    const auto targets = batch.targets.tensor_split(options_.micro_batches);
    at::Tensor loss;
    for (std::size_t i = 0; i < images.size(); ++i) {
      step.seed = core::derive_seed(
          core::derive_seed(seed_, static_cast<std::uint64_t>(step_), "paths of a step"), i,
          "paths of a part");
      step.share =
          static_cast<double>(images[i].size(0)) / static_cast<double>(batch.images.size(0));
      step.first = i == 0;
      step.last = i + 1 == images.size();
      const at::Tensor part = executor_.train_step(images[i], targets[i], step) * step.share;
      loss = loss.defined() ? loss + part : part;
    }
    return loss;
  }

  Executor& executor_;
  const Normalisation& normalisation_;
  const TrainingOptions& options_;
  std::uint64_t seed_;
  BatchSource source_;
  Sgd sgd_;
  std::optional<WeightAverage> average_;
  LossRecord losses_;
  std::int64_t step_ = 0;  ///< updates made; losses may still be on their way from a GPU
};

Trainer::Trainer(Executor& executor, const Images& data, const Normalisation& normalisation,
                 const TrainingOptions& options, std::int64_t classes, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(executor, data, normalisation, options, classes, seed)) {}
Trainer::~Trainer() = default;

TrainingEnd Trainer::run(const ProgressCallback& progress) {
  return impl_->run(progress);
}
std::int64_t Trainer::step() const {
  return impl_->step();
}
double Trainer::loss() const {
  return impl_->loss();
}
std::optional<Scores> Trainer::test(const Images& images, const KeepOn& keep_on) {
  return impl_->test(images, keep_on);
}
TrainingState Trainer::state() {
  return impl_->state();
}
void Trainer::restore(const TrainingState& state) {
  impl_->restore(state);
}

}  // namespace hierevo::nn
