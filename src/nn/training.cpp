#include "hierevo/nn/training.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "loss_record.hpp"
#include "replicas.hpp"
#include "sgd.hpp"
#include "weight_average.hpp"

namespace hierevo::nn {

void check_batch(const TrainingOptions& options, std::int64_t images) {
  if (options.batch <= images) return;
  throw core::FieldError("batch", fmt::format("is {}", options.batch),
                         fmt::format("there are {} images to train on", images),
                         fmt::format("Give at most {}.", images));
}

void check(const TrainingOptions& options, const Images& train, const Images& validation) {
  check(options);
  const std::int64_t largest_crop = std::min(train.height(), train.width());
  if (options.crop > largest_crop) {
    throw core::FieldError("crop", fmt::format("is {}", options.crop),
                           fmt::format("the images are {}×{}", train.height(), train.width()),
                           fmt::format("Give at most {}, or 0 for whole images.", largest_crop));
  }
  check_batch(options, train.size());
  if (validation.size() < 1) {
    throw core::UsageError("No images to validate on", "at least 1 is needed");
  }
  if (validation.channels() != train.channels()) {
    throw core::UsageError(fmt::format("Images of {} channels to train on and of {} to validate on",
                                       train.channels(), validation.channels()),
                           "one network takes both");
  }
}

int trained_side(const Images& images, const TrainingOptions& options) {
  return options.crop > 0 ? static_cast<int>(options.crop) : side_of(images);
}

// Every part of a batch that is normalised over all ranks needs images of each of them.
void check_ranks(const TrainingOptions& options, int ranks) {
  const std::int64_t parts = options.micro_batches * ranks;
  if (!options.sync_batchnorm || options.batch >= parts) return;
  throw core::UsageError(fmt::format("A batch of {} for {} ranks with {} micro-batches each",
                                     options.batch, ranks, options.micro_batches),
                         "to normalise over all ranks each needs an image for each micro-batch",
                         "Use fewer ranks.");
}

namespace {

using Clock = std::chrono::steady_clock;

/// How many of a batch are right, and are among the five best: [2], int64, on its device.
at::Tensor hits_of(Executor& executor, const Batch& batch) {
  const at::Tensor logits = executor.predict(batch.images);
  const at::Tensor labels = batch.targets.to(logits.device());
  const std::int64_t five = std::min<std::int64_t>(5, logits.size(1));
  const at::Tensor finite = at::isfinite(logits).all(1, /*keepdim=*/true);
  const at::Tensor hits =
      std::get<1>(logits.topk(five, 1)).eq(labels.unsqueeze(1)).logical_and(finite);
  return at::stack({hits.select(1, 0).sum(), hits.sum()});
}

/// Of the images `range`, `batch` at a time: nothing when `should_continue`, which is asked
/// `rounds` times, said no.
std::optional<at::Tensor> hits_of(Executor& executor, TestBatches& images, ImageRange range,
                                  std::int64_t batch, std::int64_t rounds,
                                  const ShouldContinue& should_continue) {
  at::Tensor right;  // stays on the device until all batches are under way
  for (std::int64_t round = 0; round < rounds; ++round) {
    if (should_continue && !should_continue()) return std::nullopt;
    const std::int64_t done = round * batch;
    if (done >= range.count) continue;
    const at::Tensor counts =
        hits_of(executor, images.at({range.first + done, std::min(batch, range.count - done)}));
    right = right.defined() ? right + counts : counts;
  }
  return right.defined() ? right : at::zeros({2}, at::kLong);
}

std::int64_t rounds_of(std::int64_t images, std::int64_t batch) {
  return (images + batch - 1) / batch;
}

Scores scores_from(const at::Tensor& hits, std::int64_t images) {
  const auto share = [&](std::int64_t i) {
    return hits[i].item<double>() / static_cast<double>(images);
  };
  return {share(0), share(1)};
}

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

std::optional<Scores> scores_of(Executor& executor, TestBatches& images, std::int64_t batch,
                                const ShouldContinue& should_continue) {
  const std::int64_t count = images.size();
  const auto hits =
      hits_of(executor, images, {0, count}, batch, rounds_of(count, batch), should_continue);
  if (!hits) return std::nullopt;
  return scores_from(*hits, count);
}

class Trainer::Impl {
 public:
  Impl(Executor& executor, TrainingBatches& batches, const TrainingOptions& options,
       std::uint64_t seed, const DataParallel& parallel)
      : executor_(executor),
        batches_(batches),
        options_(options),
        seed_(seed),
        own_{0, options.batch},
        norm_ranks_(options.sync_batchnorm ? parallel.ranks : nullptr),
        sgd_(executor.parameters(),
             {options.momentum, options.weight_decay, options.decay_norms, options.clip_norm}) {
    if (parallel.ranks != nullptr && parallel.ranks->size() > 1) {
      check_ranks(options, parallel.ranks->size());
      own_ = part_of(options.batch, parallel.ranks->rank(), parallel.ranks->size());
      replicas_.emplace(executor, parallel);
    }
    if (options.ema_decay > 0.0) average_.emplace(weights_of(executor), options.ema_decay);
  }

  TrainingEnd run(const ProgressCallback& progress) {
    waited_ = {};
    if (replicas_) replicas_->begin_run();
    const double communicated = communication_seconds();
    bool stop = false;  // what progress said, and then what all ranks have agreed on
    stopped_in_test_ = false;
    while (losses_.finite() && step_ < options_.steps && !stop) {
      const bool agreed = step(wants_to_stop_);
      if (!losses_.finite()) break;
      const TrainingProgress now{.step = step_,
                                 .steps = options_.steps,
                                 .loss = losses_.last(),
                                 .data_seconds = std::chrono::duration<double>(waited_).count(),
                                 .communication_seconds = communication_seconds() - communicated};
      wants_to_stop_ = progress && !progress(now);
      stop = stopped_in_test_ || (replicas_ ? agreed : wants_to_stop_);
    }
    wants_to_stop_ = false;
    losses_.read();
    const TrainingEnd end = stop ? TrainingEnd::stopped : TrainingEnd::finished;
    return losses_.finite() ? end : TrainingEnd::diverged;
  }

  std::int64_t steps_done() const { return step_; }
  double loss() const { return losses_.mean_of_last_tenth(); }

  std::optional<Scores> test(TestBatches& images, const ShouldContinue& should_continue) {
    if (replicas_) {
      replicas_->copy_from_rank_0(executor_.buffers());
      replicas_->copy_from_rank_0(averaged_buffers());
    }
    const AverageInPlace in_place(average_);
    auto scores = replicas_
                      ? scores_together(images, should_continue)
                      : scores_of(executor_, images, options_.evaluation_batch, should_continue);
    if (!scores) stopped_in_test_ = true;  // as all ranks have agreed
    return scores;
  }

  TrainingState state() {
    losses_.read();
    return {.losses = losses_.values(),
            .weights = weights_of(executor_),
            .momentum = sgd_.velocities(),
            .average = average_ ? average_->values() : std::vector<NamedTensor>{}};
  }

  void restore(const TrainingState& state) {
    if (!replicas_) return take(state);
    constexpr std::int64_t refused = -1;
    if (replicas_->ranks().rank() == 0) {
      try {
        take(state);
      } catch (...) {
        replicas_->from_rank_0(refused);
        throw;
      }
    }
    const std::int64_t steps = replicas_->from_rank_0(step_);
    if (steps == refused) {
      throw core::UsageError("Rank 0 cannot go on with the saved training", "it says why");
    }
    take_from_rank_0(steps);
  }

 private:
  /// Makes a step; whether any rank wanted to stop at its beginning.
  bool step(bool wants_to_stop) {
    const auto start = Clock::now();
    const Batch batch = own_.count > 0 ? batches_.at(step_, own_) : Batch{};
    waited_ += Clock::now() - start;
    bool stop = false;
    if (replicas_) {
      replicas_->begin_step();
      const at::Tensor share = own_.count > 0 ? pass(batch) : no_loss();
      auto [loss, agreed] = replicas_->finish_step(share, wants_to_stop);
      losses_.add(loss);
      stop = agreed;
    } else {
      losses_.add(pass(batch));
    }
    if (!losses_.finite()) return stop;
    sgd_.step(learning_rate_at(options_, step_));
    if (average_) average_->update(step_);
    ++step_;
    if (replicas_) replicas_->compare_weights_when_due(step_);
    return stop;
  }

  at::Tensor no_loss() {
    return at::zeros({}, executor_.parameters().front().tensor.options().requires_grad(false));
  }

  double communication_seconds() const { return replicas_ ? replicas_->waited_seconds() : 0.0; }

  std::vector<NamedTensor> averaged_buffers() {
    if (!average_) return {};
    const std::vector<NamedTensor>& all = average_->values();
    const auto first = static_cast<std::ptrdiff_t>(executor_.parameters().size());
    return {all.begin() + first, all.end()};
  }

  /// Each rank tests its part of the images; all agree before each batch to go on.
  std::optional<Scores> scores_together(TestBatches& images,
                                        const ShouldContinue& should_continue) {
    comm::Collectives& ranks = replicas_->ranks();
    const std::int64_t batch = options_.evaluation_batch;
    const std::int64_t most = part_of(images.size(), 0, ranks.size()).count;
    const ImageRange own = part_of(images.size(), ranks.rank(), ranks.size());
    images.expect(own);
    auto hits = hits_of(executor_, images, own, batch, rounds_of(most, batch),
                        [&] { return !replicas_->any(should_continue && !should_continue()); });
    if (!hits) return std::nullopt;
    replicas_->sum(*hits);
    return scores_from(*hits, images.size());
  }

  void take(const TrainingState& state) {
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

  void take_from_rank_0(std::int64_t steps) {
    const TrainingState own = this->state();
    replicas_->copy_from_rank_0(own.weights);
    replicas_->copy_from_rank_0(own.momentum);
    replicas_->copy_from_rank_0(own.average);
    std::vector<double> losses = losses_.values();
    losses.resize(static_cast<std::size_t>(steps));
    const at::Tensor shared = at::from_blob(losses.data(), {steps}, at::kDouble);
    replicas_->copy_from_rank_0({{"losses", shared}});
    losses_ = LossRecord(losses);
    step_ = steps;
  }

  /// Gradients of this rank's images, in as many parts as asked for; their share of the batch's
  /// mean loss.
  at::Tensor pass(const Batch& batch) {
    StepOptions step{
        .label_smoothing = options_.label_smoothing,
        .drop_path = options_.drop_path,
        .seed = core::derive_seed(seed_, static_cast<std::uint64_t>(step_), "paths of a step"),
        .bf16 = options_.bf16,
        .norm_ranks = norm_ranks_,
        .first_image = own_.first};
    const std::int64_t parts = std::min(options_.micro_batches, own_.count);
    const auto images = batch.images.tensor_split(parts);
    const auto targets = batch.targets.tensor_split(parts);
    at::Tensor loss;
    for (std::size_t i = 0; i < images.size(); ++i) {
      step.share = static_cast<double>(images[i].size(0)) / static_cast<double>(options_.batch);
      step.first = i == 0;
      step.last = i + 1 == images.size();
      const at::Tensor part = executor_.train_step(images[i], targets[i], step) * step.share;
      loss = loss.defined() ? loss + part : part;
      step.first_image += images[i].size(0);
    }
    return loss;
  }

  Executor& executor_;
  TrainingBatches& batches_;
  const TrainingOptions& options_;
  std::uint64_t seed_;
  ImageRange own_;                 ///< of every batch
  comm::Collectives* norm_ranks_;  ///< normalise together; one alone computes as several do
  Sgd sgd_;
  std::optional<Replicas> replicas_;  ///< where there are several ranks
  std::optional<WeightAverage> average_;
  LossRecord losses_;
  std::int64_t step_ = 0;  ///< updates made; losses may still be on their way from a GPU
  bool wants_to_stop_ = false;
  bool stopped_in_test_ = false;
  Clock::duration waited_{};  ///< for data
};

Trainer::Trainer(Executor& executor, TrainingBatches& batches, const TrainingOptions& options,
                 std::uint64_t seed, const DataParallel& parallel)
    : impl_(std::make_unique<Impl>(executor, batches, options, seed, parallel)) {}
Trainer::~Trainer() = default;

TrainingEnd Trainer::run(const ProgressCallback& progress) {
  return impl_->run(progress);
}
std::int64_t Trainer::step() const {
  return impl_->steps_done();
}
double Trainer::loss() const {
  return impl_->loss();
}
std::optional<Scores> Trainer::test(TestBatches& images, const ShouldContinue& should_continue) {
  return impl_->test(images, should_continue);
}
TrainingState Trainer::state() {
  return impl_->state();
}
void Trainer::restore(const TrainingState& state) {
  impl_->restore(state);
}

}  // namespace hierevo::nn
