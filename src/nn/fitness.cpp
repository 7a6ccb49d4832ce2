#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/nn/torch_executor.hpp"
#include "hierevo/nn/training.hpp"

namespace hierevo::nn {

namespace {

Images on_device(const Images& images, c10::Device device) {
  return {images.pixels.to(device), images.labels.to(device)};
}

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

}  // namespace

FitnessResult measure_fitness(const genome::Plan& plan, const Split& data,
                              const TrainingOptions& options, int repeats, std::uint64_t seed,
                              c10::Device device, const ProgressCallback& progress) {
  check(options, data.train, data.validation);
  check_fit(plan, data, repeats);
  const Images training = on_device(data.train, device);
  const Images validation = on_device(data.validation, device);
  FitnessResult result;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto id = static_cast<std::uint64_t>(repeat);
    const auto executor =
        make_torch_executor(plan, device, core::derive_seed(seed, id, "initial weights"));
    TrainingProgress last;
    const auto report = [&](const TrainingProgress& now) {
      last = now;
      last.repeat = repeat;
      return !progress || progress(last);
    };
    Trainer trainer(*executor, training, data.normalisation, options, plan.classes,
                    core::derive_seed(seed, id, "training"));
    result.end = trainer.run(report);
    if (result.end != TrainingEnd::finished) break;
    const auto scores = trainer.test(validation, [&] { return !progress || progress(last); });
    if (!scores) {
      result.end = TrainingEnd::stopped;
      break;
    }
    result.loss.push_back(trainer.loss());
    result.accuracy.push_back(scores->top1);
  }
  return result;
}

}  // namespace hierevo::nn
