#include "hierevo/nn/training/trainer.hpp"

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
#include "hierevo/nn/training/training_checks.hpp"
#include "loss_record.hpp"
#include "rank_scores.hpp"
#include "replicas.hpp"
#include "sgd.hpp"
#include "weight_average.hpp"

namespace hierevo::nn {

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
                           why, "Resume with the network and the options that it began with.");
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

/// While this lives, the network has its averaged weights, if any; even if memory runs out
/// meanwhile.
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
      own_ = data::part_of(options.batch, parallel.ranks->rank(), parallel.ranks->size());
      replicas_.emplace(executor, parallel);
    }
    if (options.ema_decay > 0.0) average_.emplace(weights_of(executor), options.ema_decay);
  }

  TrainingEnd run(const ProgressCallback& progress) {
    waited_ = {};
    if (replicas_) replicas_->begin_run();
    const double communicated = communication_seconds();
    bool stop = false;  // what progress returned, then what all ranks agreed on
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
                      ? scores_of_ranks(executor_, images, options_.evaluation_batch, *replicas_,
                                        should_continue)
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
      throw core::UsageError("Rank 0 cannot resume the saved training", "it says why");
    }
    take_from_rank_0(steps);
  }

 private:
  /// Makes a step; returns whether any rank wanted to stop at its beginning.
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

  /// Computes gradients of this rank's images, in as many parts as requested; returns their share
  /// of the batch's mean loss.
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
  data::ImageRange own_;           ///< of every batch
  comm::Collectives* norm_ranks_;  ///< normalise together; one rank alone computes the same
  Sgd sgd_;
  std::optional<Replicas> replicas_;  ///< where there are several ranks
  std::optional<WeightAverage> average_;
  LossRecord losses_;
  std::int64_t step_ = 0;  ///< updates done; losses may still be coming from a GPU
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
