#include "hierevo/nn/training/fitness.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/nn/batches/memory_batches.hpp"
#include "hierevo/nn/executor/make_executor.hpp"
#include "hierevo/nn/training/training_checks.hpp"

namespace hierevo::nn {

namespace {

void check_fit(const genome::Plan& plan, const Split& data, int repeats) {
  if (repeats < 1) {
    throw core::UsageError(fmt::format("{} repeats of the training", repeats),
                           "at least 1 is needed");
  }
  if (plan.input_channels != data.train.channels()) {
    throw core::UsageError(fmt::format("A network for images of {} channels", plan.input_channels),
                           fmt::format("the data set's have {}", data.train.channels()));
  }
  const auto largest = std::max(data.train.labels.max().item<std::int64_t>(),
                                data.validation.labels.max().item<std::int64_t>());
  if (largest >= plan.classes) {
    throw core::UsageError(fmt::format("A network for {} classes", plan.classes),
                           fmt::format("the data set has label {}", largest));
  }
}

bool is_share(double value) {
  return value >= 0.0 && value <= 1.0;
}

}  // namespace

FitnessMeasurement::FitnessMeasurement(const genome::Plan& plan, const Split& data,
                                       const TrainingOptions& options, Repeats repeats,
                                       std::uint64_t seed, c10::Device device)
    : plan_(plan),
      data_{on_device(data.train, device), on_device(data.validation, device), data.normalisation},
      options_(options),
      repeats_(static_cast<std::size_t>(std::max(repeats.count, 0))),
      first_(static_cast<std::size_t>(repeats.first)),
      seed_(seed),
      device_(device) {
  check(options, data.train, data.validation);
  check_fit(plan, data, repeats.count);
}

FitnessMeasurement::Repeat FitnessMeasurement::begin(std::size_t ended) const {
  const auto seed = [&](std::string_view purpose) {
    return core::derive_seed(seed_, static_cast<std::uint64_t>(first_ + ended), purpose);
  };
  Repeat begun;
  begun.executor = make_executor(plan_, device_, seed("initial weights"), options_);
  begun.batches = make_training_batches(data_.train, data_.normalisation, options_, plan_.classes,
                                        seed("training"));
  begun.trainer =
      std::make_unique<Trainer>(*begun.executor, *begun.batches, options_, seed("training"));
  return begun;
}

TrainingEnd FitnessMeasurement::run(const ProgressCallback& progress) {
  while (accuracy_.size() < repeats_) {
    if (!now_.trainer) now_ = begin(accuracy_.size());
    Trainer& trainer = *now_.trainer;
    TrainingProgress last{.repeat = static_cast<int>(accuracy_.size()),
                          .step = trainer.step(),
                          .steps = options_.steps};
    const auto report = [&](const TrainingProgress& now) {
      last = now;
      last.repeat = static_cast<int>(accuracy_.size());
      return !progress || progress(last);
    };
    const TrainingEnd end = trainer.run(report);
    if (end != TrainingEnd::finished) return end;
    const auto images = make_test_batches(data_.validation, data_.normalisation);
    const auto scores = trainer.test(*images, [&] { return !progress || progress(last); });
    if (!scores) return TrainingEnd::stopped;
    loss_.push_back(trainer.loss());
    accuracy_.push_back(scores->top1);
    now_ = {};
  }
  return TrainingEnd::finished;
}

FitnessState FitnessMeasurement::state() const {
  return {accuracy_, loss_, now_.trainer ? now_.trainer->state() : TrainingState{}};
}

void FitnessMeasurement::restore(const FitnessState& state) {
  const std::size_t ended = state.accuracy.size();
  const bool begun = state.training.step() > 0;
  const bool possible = state.loss.size() == ended && ended + (begun ? 1 : 0) <= repeats_ &&
                        state.training.step() <= options_.steps &&
                        std::all_of(state.accuracy.begin(), state.accuracy.end(), is_share);
  if (!possible) {
    throw core::UsageError("The saved measurement of a fitness does not fit these options",
                           fmt::format("{} of {} repeats have ended, and step {} of {} is done",
                                       ended, repeats_, state.training.step(), options_.steps));
  }
  Repeat now;
  if (begun) {
    now = begin(ended);
    now.trainer->restore(state.training);
  }
  accuracy_ = state.accuracy;
  loss_ = state.loss;
  now_ = std::move(now);
}

}  // namespace hierevo::nn
