#pragma once

#include <cstdint>
#include <vector>

namespace hierevo::nn {

/// How the learning rate continues after warm-up.
enum class Schedule : std::uint8_t {
  steps,   ///< piecewise constant: multiplied by a factor at given steps (the paper's)
  cosine,  ///< half a cosine, down to 0 after the last step (Loshchilov and Hutter 2017)
};

/// The numbers of a training (section 4); the defaults are those of the fitness evaluation. What
/// the paper does not use is off by default.
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

  Schedule schedule = Schedule::steps;
  std::int64_t warmup = 0;       ///< steps over which the rate rises linearly from 0
  double brightness = 0.0;       ///< each image times a factor from [1-x, 1+x]
  double contrast = 0.0;         ///< distance from the image's mean times a factor from [1-x, 1+x]
  std::int64_t cutout = 0;       ///< side of a square set to the mean (DeVries and Taylor 2017)
  double mixup = 0.0;            ///< alpha of Beta(alpha, alpha) (Zhang et al. 2018)
  double cutmix = 0.0;           ///< alpha of Beta(alpha, alpha) (Yun et al. 2019)
  double label_smoothing = 0.0;  ///< share of the target that is spread over all classes
  double drop_path = 0.0;        ///< probability that a path into a concatenation is dropped
  bool decay_norms = true;       ///< weight decay also on batch normalisation and biases
  double clip_norm = 0.0;        ///< largest L2 norm of the whole gradient; 0: no limit
  std::int64_t micro_batches = 1;  ///< parts of a batch computed one after another: less memory
  bool bf16 = false;               ///< convolutions and linear layers multiply in bfloat16
  bool sync_batchnorm = false;     ///< batch normalisation over the images of all ranks
  double ema_decay = 0.0;  ///< decay of the running average of the weights that is tested; 0: none
};

/// Which independent trainings of one network: `count` of them from number `first` (0 …) on.
struct Repeats {
  int count = 4;
  int first = 0;
};

/// Throws UsageError for a number outside its range, which it calls by its option of `hierevo
/// train`.
void check(const TrainingOptions& options);

/// The most images of a batch that go through the network together.
std::int64_t images_at_a_time(const TrainingOptions& options, int ranks = 1);
/// The steps (from 0) at which the schedule of the paper divides the rate, in the order given.
std::vector<std::int64_t> steps_of_drops(const TrainingOptions& options);
/// Learning rate of step `step` (from 0).
double learning_rate_at(const TrainingOptions& options, std::int64_t step);

}  // namespace hierevo::nn
