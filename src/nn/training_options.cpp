#include "hierevo/nn/training_options.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <string_view>
#include <tuple>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

void check_each(const TrainingOptions& options) {
  const std::tuple<const core::NumberRange&, std::string_view, double> numbers[] = {
      {steps_range, "steps", options.steps},
      {batch_range, "batch", options.batch},
      {crop_range, "crop", options.crop},
      {learning_rate_range, "learning_rate", options.learning_rate},
      {learning_rate_factor_range, "learning_rate_factor", options.learning_rate_factor},
      {momentum_range, "momentum", options.momentum},
      {weight_decay_range, "weight_decay", options.weight_decay},
      {evaluation_batch_range, "evaluation_batch", options.evaluation_batch},
      {warmup_range, "warmup", options.warmup},
      {share_range, "brightness", options.brightness},
      {share_range, "contrast", options.contrast},
      {cutout_range, "cutout", options.cutout},
      {alpha_range, "mixup", options.mixup},
      {alpha_range, "cutmix", options.cutmix},
      {share_below_1_range, "label_smoothing", options.label_smoothing},
      {share_below_1_range, "drop_path", options.drop_path},
      {share_below_1_range, "ema_decay", options.ema_decay},
      {clip_norm_range, "clip_norm", options.clip_norm},
      {micro_batches_range, "micro_batches", options.micro_batches},
  };
  for (const auto& [range, field, value] : numbers) require_in(range, field, value);
}

}  // namespace

void check(const TrainingOptions& options) {
  check_each(options);
  for (const double drop : options.learning_rate_drops) {
    if (drop >= 0 && drop <= 1) continue;
    throw core::FieldError("learning_rate_drops", fmt::format("has {}", drop),
                           "each is a share of the steps",
                           "Give numbers from 0 to 1, such as 0.8,0.9.");
  }
  if (options.warmup > options.steps) {
    throw core::FieldError("warmup", fmt::format("is {}", options.warmup),
                           fmt::format("steps is {}", options.steps),
                           fmt::format("Give 0 to {}.", options.steps));
  }
  if (options.micro_batches > options.batch / 2) {
    throw core::FieldError(
        "micro_batches", fmt::format("is {}", options.micro_batches),
        fmt::format("batch is {}, and each needs at least 2 images", options.batch),
        fmt::format("Give 1 to {}.", options.batch / 2));
  }
}

std::int64_t images_at_a_time(const TrainingOptions& options, int ranks) {
  const std::int64_t parts = options.micro_batches * ranks;
  return (options.batch + parts - 1) / parts;
}

std::vector<std::int64_t> steps_of_drops(const TrainingOptions& options) {
  std::vector<std::int64_t> steps;
  for (const double drop : options.learning_rate_drops) {
    // Rounded: a share such as 0.7 is not exact in binary.
    steps.push_back(std::llround(drop * static_cast<double>(options.steps)));
  }
  return steps;
}

double learning_rate_at(const TrainingOptions& options, std::int64_t step) {
  if (step < options.warmup) {
    return options.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(options.warmup);
  }
  if (options.schedule == Schedule::cosine) {
    const auto done = static_cast<double>(step - options.warmup);
    const auto all = static_cast<double>(options.steps - options.warmup);
    return options.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * done / all));
  }
  double rate = options.learning_rate;
  for (const std::int64_t drop : steps_of_drops(options)) {
    if (step >= drop) rate *= options.learning_rate_factor;
  }
  return rate;
}

}  // namespace hierevo::nn
