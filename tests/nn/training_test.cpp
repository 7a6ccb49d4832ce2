// The training loop over a stand-in network whose losses and gradients are known.
#include "hierevo/nn/training/trainer.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

#include "hierevo/nn/device/threads.hpp"
#include "hierevo/nn/training/training_checks.hpp"
#include "nn/small_problem.hpp"
#include "support/refusal.hpp"

namespace hierevo::nn {
namespace {

TEST(LearningRate, FollowsThePaper) {
  const TrainingOptions options;  // 5000 steps, ÷10 at 4000 and 4500
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 3999), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 4000), 0.01);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 4499), 0.01);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 4500), 0.001);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 4999), 0.001);
}

TEST(LearningRate, DropsAtTheStepMeantWhereAShareIsNotExact) {
  const TrainingOptions options{.steps = 80'000,
                                .learning_rate_drops = {0.5, 0.75, 0.875, 0.7, 0.29}};
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 23'199), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 23'200), 0.01);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 55'999), 1e-3);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 56'000), 1e-4);
}

TEST(LearningRate, RisesInALineDuringWarmUp) {
  const TrainingOptions options{.steps = 100, .learning_rate = 0.4, .warmup = 8};
  for (std::int64_t step = 0; step < 8; ++step) {
    EXPECT_DOUBLE_EQ(learning_rate_at(options, step), 0.05 * static_cast<double>(step + 1));
  }
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 8), 0.4);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 80), 0.04);
}

TEST(LearningRate, FollowsHalfACosine) {
  const TrainingOptions options{
      .steps = 110, .learning_rate = 0.2, .schedule = Schedule::cosine, .warmup = 10};
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 9), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 10), 0.2);
  EXPECT_NEAR(learning_rate_at(options, 35), 0.1 * (1 + std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(learning_rate_at(options, 60), 0.1, 1e-12);
  EXPECT_NEAR(learning_rate_at(options, 109), 0.1 * (1 + std::cos(0.99 * M_PI)), 1e-12);
}

ImageTensors blank_images(std::int64_t count, std::int64_t channels = 1) {
  return {at::zeros({count, channels, 28, 20}, at::kByte), at::zeros({count}, at::kLong)};
}

TEST(TrainingOptions, OutsideTheirRangeAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const struct {
    TrainingOptions options;
    const char* message;
  } cases[] = {
      {{.steps = 0}, "steps is 0 (nothing would be learnt). Give a number from 1 up."},
      {{.batch = 1},
       "batch is 1 (batch normalisation needs at least 2 images). Give a number from 2 up."},
      {{.crop = -1},
       "crop is -1 (it is a height and width in pixels; 0 takes whole images). Give a number from "
       "0 up."},
      {{.learning_rate = 0},
       "learning_rate is 0 (each step must make progress, in float32). Give a number above 0 and "
       "up to 1e+30."},
      {{.learning_rate = nan},
       "learning_rate is nan (each step must make progress, in float32). Give a number above 0 and "
       "up to 1e+30."},
      {{.learning_rate_drops = {0.5, 1.5}},
       "learning_rate_drops has 1.5 (each is a share of the steps). Give numbers from 0 to 1, such "
       "as "
       "0.8,0.9."},
      {{.learning_rate_factor = 2},
       "learning_rate_factor is 2 (each drop multiplies the rate by it). Give a number above "
       "0 and up to 1."},
      {{.momentum = 1},
       "momentum is 1 (the effect of a step must fade). Give a number from 0 to below 1."},
      {{.momentum = nan},
       "momentum is nan (the effect of a step must fade). Give a number from 0 to below 1."},
      {{.weight_decay = -0.5},
       "weight_decay is -0.5 (it shrinks weights, in float32). Give a number from 0 to 1e+30."},
      {{.evaluation_batch = 0},
       "evaluation_batch is 0 (it is a number of images). Give a number from 1 to 1048576."},
      {{.steps = 9, .warmup = 10}, "warmup is 10 (steps is 9). Give 0 to 9."},
      {{.brightness = 1.5}, "brightness is 1.5 (it is a share). Give a number from 0 to 1."},
      {{.contrast = nan}, "contrast is nan (it is a share). Give a number from 0 to 1."},
      {{.cutout = -1},
       "cutout is -1 (it is the side of a square in pixels). Give a number from 0 up."},
      {{.mixup = -1},
       "mixup is -1 (it is the alpha of a Beta distribution). Give a number from 0 up."},
      {{.cutmix = nan},
       "cutmix is nan (it is the alpha of a Beta distribution). Give a number from 0 up."},
      {{.label_smoothing = 1},
       "label_smoothing is 1 (it is a share). Give a number from 0 to below 1."},
      {{.drop_path = 1}, "drop_path is 1 (it is a share). Give a number from 0 to below 1."},
      {{.clip_norm = -1},
       "clip_norm is -1 (it is the largest norm of a gradient). Give a number from 0 up."},
      {{.batch = 8, .micro_batches = 5},
       "micro_batches is 5 (batch is 8, and each needs at least 2 images). Give 1 to 4."},
      {{.ema_decay = 1}, "ema_decay is 1 (it is a share). Give a number from 0 to below 1."},
  };
  for (const auto& [options, message] : cases) {
    EXPECT_EQ(test::refusal([&options] { check(options); }), message);
  }
  EXPECT_NO_THROW(check(TrainingOptions{}));
}

TEST(TrainingOptions, ThatDoNotFitTheDataAreRefused) {
  const auto message = [](const TrainingOptions& options, const ImageTensors& train,
                          const ImageTensors& validation) {
    return test::refusal([&] { check(options, train, validation); });
  };
  const ImageTensors data = blank_images(300);
  EXPECT_EQ(message({.crop = 21}, data, data),
            "crop is 21 (the images are 28×20). Give at most 20, or 0 for whole images.");
  EXPECT_EQ(message({.batch = 301, .crop = 20}, data, data),
            "batch is 301 (there are 300 training images). Give at most 300.");
  EXPECT_EQ(message({.crop = 20}, data, blank_images(0)),
            "There are no validation images (at least 1 is needed).");
  EXPECT_EQ(message({.crop = 20}, data, blank_images(5, 3)),
            "Training images have 1 channels and validation images 3 (one network takes both).");
  EXPECT_EQ(message({.crop = 0}, data, data), "accepted");
}

/// A network of one weight, which it ignores. Records its calls, and the first pixel of each image
/// it sees.
class StandIn final : public Executor {
 public:
  using Executor::train_step;
  at::Tensor train_step(const at::Tensor& images, const at::Tensor& labels,
                        const StepOptions& options) override {
    if (before_step) before_step(steps);
    asked.push_back(options);
    for (std::int64_t i = 0; i < images.size(0); ++i) {
      seen.push_back(std::lround(images[i][0][0][0].item<double>()));
      labels_match = labels_match && labels[i].item<std::int64_t>() == seen.back();
    }
    weight.mutable_grad() = at::full({1}, gradient, at::kDouble);
    const double loss = losses.at(static_cast<std::size_t>(steps));
    ++steps;
    return at::scalar_tensor(loss, at::kDouble);
  }
  at::Tensor predict(const at::Tensor& images) override {
    const at::Tensor answer = logits.narrow(0, predicted, images.size(0));
    predicted += images.size(0);
    return answer;
  }
  std::vector<NamedTensor> parameters() override { return {{"weight", weight}}; }
  std::vector<NamedTensor> buffers() override { return {}; }
  void place_gradients(std::vector<at::Tensor>) override {}
  void on_gradient_ready(std::function<void(std::size_t)>) override {}

  double value() const { return weight.item<double>(); }

  at::Tensor weight = at::full({1}, 2.0, at::kDouble).set_requires_grad(true);
  double gradient = 1.0;
  std::vector<double> losses = std::vector<double>(100, 1.0);
  at::Tensor logits;
  std::function<void(int)> before_step;
  int steps = 0;
  std::int64_t predicted = 0;
  std::vector<StepOptions> asked;
  std::vector<std::int64_t> seen;
  bool labels_match = true;
};

/// All pixels of image i are i, and so is its label.
ImageTensors numbered_images(std::int64_t count) {
  const at::Tensor numbers = at::arange(count, at::kLong);
  return {numbers.to(at::kByte).view({-1, 1, 1, 1}).expand({-1, 1, 4, 4}).contiguous(), numbers};
}

const PixelNormalisation none{at::zeros({1}), at::ones({1})};

TEST(Train, UsesEveryImageOnceAnEpochWithItsOwnLabel) {
  StandIn network;
  train(network, numbered_images(10), none, {.steps = 15, .batch = 4, .crop = 2}, 1, {});
  ASSERT_EQ(network.seen.size(), 60U);
  EXPECT_TRUE(network.labels_match);
  for (auto from = network.seen.begin(); from != network.seen.end(); from += 10) {
    std::sort(from, from + 10);
    for (std::int64_t i = 0; i < 10; ++i) EXPECT_EQ(from[i], i);
  }
}

TEST(Train, TheSeedDecidesTheOrder) {
  const auto order = [](std::uint64_t seed) {
    StandIn network;
    train(network, numbered_images(10), none, {.steps = 15, .batch = 4, .crop = 2}, seed, {});
    return network.seen;
  };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
}

TEST(Train, UpdatesByMomentumWeightDecayAndTheScheduledRate) {
  StandIn network;
  network.gradient = 0.5;
  const TrainingOptions options{.steps = 4,
                                .batch = 2,
                                .crop = 0,
                                .learning_rate = 0.2,
                                .learning_rate_drops = {0.5},
                                .momentum = 0.9,
                                .weight_decay = 0.01};
  train(network, numbered_images(4), none, options, 1, {});
  double weight = 2.0;
  double velocity = 0.0;
  for (const double rate : {0.2, 0.2, 0.02, 0.02}) {
    velocity = 0.9 * velocity + 0.5 + 0.01 * weight;
    weight -= rate * velocity;
  }
  EXPECT_NEAR(network.value(), weight, 1e-12);
}

TEST(Train, DecaysNormsAndClipsTheGradientAsAskedTo) {
  const auto weight_after_a_step = [](TrainingOptions options) {
    options.steps = 1;
    options.batch = 2;
    options.crop = 0;
    options.learning_rate = 0.2;
    options.weight_decay = 0.1;
    StandIn network;  // its weight has one dimension, as those of norms and biases have
    train(network, numbered_images(4), none, options, 1);
    return network.value();
  };
  EXPECT_NEAR(weight_after_a_step({}), 2.0 - 0.2 * (1.0 + 0.1 * 2.0), 1e-12);
  EXPECT_NEAR(weight_after_a_step({.decay_norms = false}), 2.0 - 0.2, 1e-12);
  EXPECT_NEAR(weight_after_a_step({.decay_norms = false, .clip_norm = 0.3}), 2.0 - 0.2 * 0.3,
              1e-12);
}

TEST(Train, AsksTheNetworkForWhatItsOptionsSay) {
  const TrainingOptions options{.steps = 2,
                                .batch = 8,
                                .crop = 2,
                                .label_smoothing = 0.1,
                                .drop_path = 0.2,
                                .micro_batches = 3,
                                .bf16 = true};
  StandIn network;
  for (std::size_t i = 0; i < 6; ++i) network.losses[i] = static_cast<double>(i);
  std::vector<double> losses;
  train(network, numbered_images(10), none, options, 1, [&losses](const TrainingProgress& now) {
    losses.push_back(now.loss);
    return true;
  });
  constexpr struct {
    std::int64_t first_image;
    double share;
  } parts[] = {{0, 3.0 / 8}, {3, 3.0 / 8}, {6, 2.0 / 8}};
  ASSERT_EQ(network.asked.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    const StepOptions& asked = network.asked[i];
    EXPECT_EQ(asked.label_smoothing, 0.1);
    EXPECT_EQ(asked.drop_path, 0.2);
    EXPECT_TRUE(asked.bf16);
    EXPECT_EQ(asked.seed, network.asked[i / 3 * 3].seed);
    EXPECT_EQ(asked.first_image, parts[i % 3].first_image);
    EXPECT_EQ(asked.share, parts[i % 3].share);
    EXPECT_EQ(asked.first, i % 3 == 0);
    EXPECT_EQ(asked.last, i % 3 == 2);
  }
  EXPECT_NE(network.asked[0].seed, network.asked[3].seed);
  EXPECT_EQ(losses, (std::vector{(3 * 0 + 3 * 1 + 2 * 2) / 8.0, (3 * 3 + 3 * 4 + 2 * 5) / 8.0}));
}

TEST(Train, AsksForNothingBeyondThePaperByDefault) {
  StandIn network;
  train(network, numbered_images(4), none, {.steps = 1, .batch = 4, .crop = 2}, 1);
  ASSERT_EQ(network.asked.size(), 1U);
  const StepOptions& asked = network.asked[0];
  EXPECT_EQ(asked.label_smoothing, 0.0);
  EXPECT_EQ(asked.drop_path, 0.0);
  EXPECT_FALSE(asked.bf16);
  EXPECT_FALSE(asked.frozen_norms);
  EXPECT_EQ(asked.norm_ranks, nullptr);
  EXPECT_EQ(asked.share, 1.0);
  EXPECT_TRUE(asked.first && asked.last);
}

TEST(Train, ReportsEachStepAndTheLossOfTheLastTenth) {
  StandIn network;
  for (std::size_t i = 0; i < 20; ++i) network.losses[i] = static_cast<double>(i);
  std::vector<std::int64_t> steps;
  const auto progress = [&steps](const TrainingProgress& now) {
    steps.push_back(now.step);
    EXPECT_EQ(now.steps, 20);
    EXPECT_EQ(now.loss, static_cast<double>(now.step) - 1);
    return true;
  };
  const auto result =
      train(network, numbered_images(4), none, {.steps = 20, .batch = 2, .crop = 0}, 1, progress);
  EXPECT_EQ(result.end, TrainingEnd::finished);
  EXPECT_DOUBLE_EQ(result.loss, 18.5);
  ASSERT_EQ(steps.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(steps[i], static_cast<std::int64_t>(i) + 1);
}

TEST(Train, StopsAtTheStepBoundaryWhereItIsAskedTo) {
  StandIn network;
  const auto result = train(network, numbered_images(4), none, {.batch = 2, .crop = 0}, 1,
                            [](const TrainingProgress& now) { return now.step < 3; });
  EXPECT_EQ(result.end, TrainingEnd::stopped);
  EXPECT_EQ(network.steps, 3);
}

TEST(Train, EndsAtTheFirstLossThatIsNotFinite) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    StandIn network;
    network.losses[5] = bad;
    const auto result = train(network, numbered_images(4), none, {.batch = 2, .crop = 0}, 1, {});
    EXPECT_EQ(result.end, TrainingEnd::diverged);
    EXPECT_FALSE(std::isfinite(result.loss));
    EXPECT_EQ(network.steps, 6);
  }
}

TEST(Train, LetsOutOfMemoryThrough) {
  StandIn network;
  const TrainingOptions options{.batch = 2, .crop = 0};
  network.before_step = [](int) { throw std::bad_alloc(); };
  EXPECT_THROW(train(network, numbered_images(4), none, options, 1, {}), std::bad_alloc);
  network.before_step = [](int) {
    throw c10::OutOfMemoryError({__func__, __FILE__, static_cast<std::uint32_t>(__LINE__)}, "full");
  };
  EXPECT_THROW(train(network, numbered_images(4), none, options, 1, {}), c10::OutOfMemoryError);
}

Scores scores(Executor& network, const ImageTensors& images, std::int64_t batch) {
  return *scores_of(network, *make_test_batches(images, none), batch);
}

TEST(Scores, CountTheRightOnesOverAllBatches) {
  StandIn network;
  network.logits = at::eye(5).index_select(0, at::tensor({0, 1, 2, 0, 4}, at::kLong));
  for (const std::int64_t batch : {1, 2, 5, 100}) {
    network.predicted = 0;
    EXPECT_DOUBLE_EQ(scores(network, numbered_images(5), batch).top1, 0.8) << batch;
  }
}

TEST(Scores, CountLogitsThatAreNotFiniteAsWrong) {
  StandIn network;
  network.logits = at::eye(5);
  network.logits[0][0] = std::numeric_limits<float>::quiet_NaN();
  network.logits[1][1] = std::numeric_limits<float>::infinity();
  EXPECT_DOUBLE_EQ(scores(network, numbered_images(5), 2).top1, 0.6);
}

TEST(Scores, TopFiveCountsTheFiveLargestLogits) {
  StandIn network;
  // Image i has the label i; the logits rank the classes 0, 1, 2, …
  network.logits = -at::arange(8, at::kFloat).expand({8, 8});
  const Scores got = scores(network, numbered_images(8), 3);
  EXPECT_DOUBLE_EQ(got.top1, 1.0 / 8);
  EXPECT_DOUBLE_EQ(got.top5, 5.0 / 8);
  network.predicted = 0;
  network.logits = network.logits.slice(1, 0, 3).contiguous();  // fewer classes than five
  EXPECT_DOUBLE_EQ(scores(network, numbered_images(3), 3).top5, 1.0);
}

TEST(SetThreads, SetsTheThreadsOfTorch) {
  for (const int threads : {2, 1}) {
    set_threads(threads);
    EXPECT_EQ(at::get_num_threads(), threads);
    EXPECT_EQ(at::get_num_interop_threads(), 1);
  }
  EXPECT_EQ(test::refusal([] { set_threads(0); }), "0 threads (at least 1 is needed).");
}

}  // namespace
}  // namespace hierevo::nn
