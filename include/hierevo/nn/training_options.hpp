#pragma once

#include <cstdint>
#include <vector>

namespace hierevo::nn {

/// The numbers of a training (section 4); the defaults are those of the fitness evaluation.
struct TrainingOptions {
  std::int64_t steps = 5000;
  std::int64_t batch = 256;
  std::int64_t crop = 24;  ///< height and width of random training crops; 0 takes whole images
  bool flip = true;        ///< mirror half of the training images
  double learning_rate = 0.1;
  std::vector<double> learning_rate_drops = {0.8, 0.9};  ///< shares of the steps
  double learning_rate_factor = 0.1;                     ///< at each drop
  double momentum = 0.9;
  double weight_decay = 3e-4;
  std::int64_t evaluation_batch = 256;
};

/// Throws UsageError for a number outside its range.
void check(const TrainingOptions& options);

/// Learning rate of step `step` (from 0): piecewise constant.
double learning_rate_at(const TrainingOptions& options, std::int64_t step);

}  // namespace hierevo::nn
