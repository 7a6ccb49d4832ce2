#pragma once

#include <cstdint>
#include <vector>

#include "hierevo/core/number_range.hpp"

namespace hierevo::nn {

/// How the learning rate continues after warm-up.
enum class Schedule : std::uint8_t {
  steps,   ///< piecewise constant: multiplied by a factor at given steps (the paper's)
  cosine,  ///< half a cosine, down to 0 after the last step (Loshchilov and Hutter 2017)
};

/// Above it float32 is near its end.
inline constexpr double largest_factor = 1e30;

inline constexpr auto steps_range = core::at_least(1, "nothing would be learnt");
inline constexpr auto batch_range =
    core::at_least(2, "batch normalisation needs at least 2 images");
inline constexpr auto crop_range =
    core::at_least(0, "it is a height and width in pixels; 0 takes whole images");
inline constexpr core::NumberRange learning_rate_range = {
    .least = 0,
    .most = largest_factor,
    .without_least = true,
    .why = "each step must make progress, in float32"};
inline constexpr core::NumberRange learning_rate_factor_range = {
    .least = 0, .most = 1, .without_least = true, .why = "each drop multiplies the rate by it"};
inline constexpr core::NumberRange momentum_range = {
    .least = 0, .most = 1, .without_most = true, .why = "the effect of a step must fade"};
inline constexpr auto weight_decay_range =
    core::between(0, largest_factor, "it shrinks weights, in float32");
inline constexpr auto evaluation_batch_range =
    core::between(1, 1 << 20, "it is a number of images");
inline constexpr auto warmup_range = core::at_least(0, "it is a number of steps");
/// Of brightness and contrast.
inline constexpr auto share_range = core::between(0, 1, "it is a share");
inline constexpr auto cutout_range = core::at_least(0, "it is the side of a square in pixels");
/// Of mixup and cutmix.
inline constexpr auto alpha_range = core::at_least(0, "it is the alpha of a Beta distribution");
/// Of label smoothing, drop path and the running average's decay.
inline constexpr core::NumberRange share_below_1_range = {
    .least = 0, .most = 1, .without_most = true, .why = "it is a share"};
inline constexpr auto clip_norm_range = core::at_least(0, "it is the largest norm of a gradient");
inline constexpr auto micro_batches_range = core::at_least(1, "a batch has at least one part");

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

/// Throws FieldError for a number outside its range, also one that depends on other numbers:
/// warm-up ends within the training, and each part of a batch has at least 2 images.
void check(const TrainingOptions& options);

/// The most images of a batch that go through the network together.
std::int64_t images_at_a_time(const TrainingOptions& options, int ranks = 1);
/// The steps (from 0) at which the schedule of the paper divides the rate, in the order given.
std::vector<std::int64_t> steps_of_drops(const TrainingOptions& options);
/// Learning rate of step `step` (from 0).
double learning_rate_at(const TrainingOptions& options, std::int64_t step);

}  // namespace hierevo::nn
