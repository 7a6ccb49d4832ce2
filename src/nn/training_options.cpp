#include "hierevo/nn/training_options.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <string_view>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

void require(bool holds, const std::string& problem, std::string_view why) {
  if (!holds) throw core::UsageError(problem, why);
}

// Each condition is written so that NaN fails it.

void require_share(double value, std::string_view what, bool may_be_one) {
  require(value >= 0 && (value < 1 || (may_be_one && value == 1)),
          fmt::format("A {} of {}", what, value),
          may_be_one ? "it must be from 0 to 1" : "it must be from 0 to below 1");
}

void check_augmentation(const TrainingOptions& options) {
  require_share(options.brightness, "change of brightness", true);
  require_share(options.contrast, "change of contrast", true);
  require(options.cutout >= 0, fmt::format("A cutout of {}", options.cutout),
          "it must be the side of a square, or 0 for none");
  require(options.mixup >= 0 && std::isfinite(options.mixup),
          fmt::format("A mixup of {}", options.mixup), "it must be 0 or above");
  require(options.cutmix >= 0 && std::isfinite(options.cutmix),
          fmt::format("A cutmix of {}", options.cutmix), "it must be 0 or above");
}

void check_regularisation(const TrainingOptions& options) {
  require_share(options.label_smoothing, "label smoothing", false);
  require_share(options.drop_path, "drop-path probability", false);
  require_share(options.average, "decay of the weights' average", false);
  require(options.clip_norm >= 0 && std::isfinite(options.clip_norm),
          fmt::format("A largest gradient norm of {}", options.clip_norm),
          "it must be above 0, or 0 for any");
  require(options.micro_batches >= 1 && options.micro_batches <= options.batch / 2,
          fmt::format("{} micro-batches of a batch of {}", options.micro_batches, options.batch),
          "each needs at least 2 images");
}

}  // namespace

void check(const TrainingOptions& options) {
  require(options.steps >= 1, fmt::format("{} training steps", options.steps),
          "at least 1 is needed");
  require(options.batch >= 2, fmt::format("A batch of {}", options.batch),
          "batch normalisation needs at least 2 images");
  require(options.crop >= 0, fmt::format("A crop of {}", options.crop),
          "it must be at least 1, or 0 for whole images");
  require(options.learning_rate > 0 && std::isfinite(options.learning_rate),
          fmt::format("A learning rate of {}", options.learning_rate), "it must be above 0");
  for (const double drop : options.learning_rate_drops) {
    require(drop >= 0 && drop <= 1, fmt::format("A drop of the learning rate at {}", drop),
            "it is a share of the steps, from 0 to 1");
  }
  require(options.learning_rate_factor > 0 && options.learning_rate_factor <= 1,
          fmt::format("A learning rate factor of {}", options.learning_rate_factor),
          "it must be above 0 and at most 1");
  require(options.momentum >= 0 && options.momentum < 1,
          fmt::format("A momentum of {}", options.momentum), "it must be from 0 to below 1");
  require(options.weight_decay >= 0 && std::isfinite(options.weight_decay),
          fmt::format("A weight decay of {}", options.weight_decay), "it must be 0 or above");
  require(options.evaluation_batch >= 1,
          fmt::format("An evaluation batch of {}", options.evaluation_batch),
          "at least 1 is needed");
  require(options.warmup >= 0 && options.warmup <= options.steps,
          fmt::format("A warm-up of {} steps", options.warmup),
          fmt::format("it can be 0 to {}, all steps", options.steps));
  check_augmentation(options);
  check_regularisation(options);
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
  for (const double drop : options.learning_rate_drops) {
    // Rounded: a share such as 0.7 is not exact in binary.
    if (step >= std::llround(drop * static_cast<double>(options.steps))) {
      rate *= options.learning_rate_factor;
    }
  }
  return rate;
}

}  // namespace hierevo::nn
