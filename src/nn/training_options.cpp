#include "hierevo/nn/training_options.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

void require(bool holds, const std::string& problem, std::string_view why) {
  if (!holds) throw core::UsageError(problem, why);
}

}  // namespace

// Each condition is written so that NaN fails it.
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
}

double learning_rate_at(const TrainingOptions& options, std::int64_t step) {
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
