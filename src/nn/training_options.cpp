#include "hierevo/nn/training_options.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <string_view>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

template <typename T>
void require(bool holds, std::string_view field, T value, std::string_view why,
             std::string_view suggestion) {
  if (!holds) throw core::FieldError(field, fmt::format("is {}", value), why, suggestion);
}

// Each condition is written so that NaN fails it.

void require_share(double value, std::string_view field, bool may_be_one) {
  require(value >= 0 && (value < 1 || (may_be_one && value == 1)), field, value, "it is a share",
          may_be_one ? "Give a number from 0 to 1." : "Give a number from 0 to below 1.");
}

void require_0_or_above(double value, std::string_view field, std::string_view why) {
  require(value >= 0 && std::isfinite(value), field, value, why, "Give a number from 0 up.");
}

void check_augmentation(const TrainingOptions& options) {
  require_share(options.brightness, "brightness", true);
  require_share(options.contrast, "contrast", true);
  require(options.cutout >= 0, "cutout", options.cutout, "it is the side of a square",
          "Give a number of pixels, or 0 for none.");
  require_0_or_above(options.mixup, "mixup", "it is the alpha of a Beta distribution");
  require_0_or_above(options.cutmix, "cutmix", "it is the alpha of a Beta distribution");
}

void check_regularisation(const TrainingOptions& options) {
  require_0_or_above(options.weight_decay, "weight_decay", "it must not make weights grow");
  require_share(options.label_smoothing, "label_smoothing", false);
  require_share(options.drop_path, "drop_path", false);
  require_share(options.ema_decay, "ema_decay", false);
  require_0_or_above(options.clip_norm, "clip_norm", "it is the largest norm of a gradient");
  require(options.micro_batches >= 1 && options.micro_batches <= options.batch / 2, "micro_batches",
          options.micro_batches,
          fmt::format("batch is {}, and each needs at least 2 images", options.batch),
          fmt::format("Give 1 to {}.", options.batch / 2));
}

void check_learning_rate(const TrainingOptions& options) {
  require(options.learning_rate > 0 && std::isfinite(options.learning_rate), "learning_rate",
          options.learning_rate, "each step must make progress", "Give a number above 0.");
  for (const double drop : options.learning_rate_drops) {
    if (drop >= 0 && drop <= 1) continue;
    throw core::FieldError("learning_rate_drops", fmt::format("has {}", drop),
                           "each is a share of the steps",
                           "Give numbers from 0 to 1, such as 0.8,0.9.");
  }
  require(options.learning_rate_factor > 0 && options.learning_rate_factor <= 1,
          "learning_rate_factor", options.learning_rate_factor,
          "each drop multiplies the rate by it", "Give a number above 0 and at most 1.");
  require(options.warmup >= 0 && options.warmup <= options.steps, "warmup", options.warmup,
          fmt::format("steps is {}", options.steps), fmt::format("Give 0 to {}.", options.steps));
}

}  // namespace

void check(const TrainingOptions& options) {
  require(options.steps >= 1, "steps", options.steps, "nothing would be learnt", "Give 1 or more.");
  require(options.batch >= 2, "batch", options.batch, "batch normalisation needs at least 2 images",
          "Give 2 or more.");
  require(options.crop >= 0, "crop", options.crop, "it is the height and width of an image",
          "Give a number of pixels, or 0 for whole images.");
  require(options.momentum >= 0 && options.momentum < 1, "momentum", options.momentum,
          "the effect of a step must fade", "Give a number from 0 to below 1.");
  require(options.evaluation_batch >= 1, "evaluation_batch", options.evaluation_batch,
          "no image would be evaluated", "Give 1 or more.");
  check_learning_rate(options);
  check_augmentation(options);
  check_regularisation(options);
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
