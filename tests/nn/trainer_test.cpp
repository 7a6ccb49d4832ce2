// Resuming a training, and the running average of its weights, on real networks.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "hierevo/core/error.hpp"
#include "hierevo/nn/executor/native_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "nn/small_problem.hpp"
#include "support/refusal.hpp"
#include "training/weight_average.hpp"

namespace hierevo::nn {
namespace {

/// All that a training can have, so that everything has to be saved.
const TrainingOptions everything{.steps = 9,
                                 .batch = 8,
                                 .crop = 8,
                                 .schedule = Schedule::cosine,
                                 .warmup = 2,
                                 .brightness = 0.2,
                                 .contrast = 0.2,
                                 .cutout = 3,
                                 .mixup = 0.4,
                                 .cutmix = 1.0,
                                 .label_smoothing = 0.1,
                                 .drop_path = 0.2,
                                 .decay_norms = false,
                                 .clip_norm = 1.0,
                                 .micro_batches = 2,
                                 .ema_decay = 0.9};

class Training : public testing::Test {
 protected:
  Training() { at::set_num_threads(1); }

  static std::unique_ptr<Executor> network(std::uint64_t seed) {
    return make_torch_executor(small_plan(), at::kCPU, seed);
  }
  /// Lives as long as the test.
  std::unique_ptr<Trainer> trainer(Executor& executor, const TrainingOptions& options) {
    batches_.push_back(make_training_batches(data_, normalisation_, options, 10, 3));
    return std::make_unique<Trainer>(executor, *batches_.back(), options, 3);
  }

  using MakeNetwork = std::unique_ptr<Executor> (*)(std::uint64_t seed);
  void expect_same_end_wherever_stopped(const TrainingOptions& options, MakeNetwork make);

  ImageTensors data_ = random_images(20);
  PixelNormalisation normalisation_ = normalisation_of(data_);
  std::unique_ptr<TestBatches> tested_ = make_test_batches(data_, normalisation_);
  std::vector<std::unique_ptr<TrainingBatches>> batches_;
};

void expect_equal(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_TRUE(a[i].tensor.equal(b[i].tensor)) << a[i].name;
  }
}

void Training::expect_same_end_wherever_stopped(const TrainingOptions& options, MakeNetwork make) {
  const auto whole_network = make(1);
  const auto whole = trainer(*whole_network, options);
  ASSERT_EQ(whole->run({}), TrainingEnd::finished);
  const TrainingState wanted = whole->state();
  ASSERT_FALSE(wanted.average.empty());
  for (std::int64_t stop = 1; stop < options.steps; ++stop) {
    const auto first_network = make(1);
    const auto first = trainer(*first_network, options);
    const auto until = [stop](const TrainingProgress& now) { return now.step < stop; };
    ASSERT_EQ(first->run(until), TrainingEnd::stopped);
    const auto second_network = make(99);  // has other initial weights
    const auto second = trainer(*second_network, options);
    second->restore(first->state());
    ASSERT_EQ(second->step(), stop);
    ASSERT_EQ(second->run({}), TrainingEnd::finished);
    const TrainingState got = second->state();
    EXPECT_EQ(got.losses, wanted.losses);
    expect_equal(got.weights, wanted.weights);
    expect_equal(got.momentum, wanted.momentum);
    expect_equal(got.average, wanted.average);
    EXPECT_EQ(second->loss(), whole->loss());
  }
}

TEST_F(Training, StoppedAnywhereEndsBitForBitLikeOneThatWasNot) {
  expect_same_end_wherever_stopped(everything, network);
}

TEST_F(Training, StoppedAnywhereOnTheNativeExecutorEndsBitForBitLikeOneThatWasNot) {
  TrainingOptions options = everything;
  options.drop_path = 0.0;  // only Torch's executor has it
  expect_same_end_wherever_stopped(
      options, [](std::uint64_t seed) { return make_native_executor(small_plan(), seed); });
}

TEST_F(Training, OfAnotherNetworkIsNotGoneOnWith) {
  const auto one = network(1);
  const TrainingState state = trainer(*one, everything)->state();
  const auto other = make_torch_executor(small_plan(9), at::kCPU, 1);
  const std::vector<NamedTensor> before = copied(other->parameters());
  EXPECT_EQ(test::refusal([&] { trainer(*other, everything)->restore(state); }),
            "A saved training has other weights than this network ('classifier.weight' instead of "
            "'classifier.weight'). Resume with the network and the options that it began with.");
  TrainingOptions without = everything;
  without.ema_decay = 0.0;
  EXPECT_NE(test::refusal([&] { trainer(*one, without)->restore(state); }).find("averages"),
            std::string::npos);
  expect_equal(other->parameters(), before);
}

TEST_F(Training, IsTestedWithTheAverageAndKeepsItsWeights) {
  const auto executor = network(1);
  const auto training = trainer(*executor, everything);
  training->run({});
  const std::vector<NamedTensor> before = copied(training->state().weights);
  const Scores with_average = *training->test(*tested_);
  expect_equal(training->state().weights, before);
  // A network that is the average gives the same scores.
  const auto average = network(5);
  TrainingState state = training->state();
  state.weights = state.average;
  trainer(*average, everything)->restore(state);
  const Scores wanted = *scores_of(*average, *tested_, 7);
  EXPECT_EQ(with_average.top1, wanted.top1);
  EXPECT_EQ(with_average.top5, wanted.top5);
}

TEST(WeightAverage, IsTheRunningMeanWithAQuickStart) {
  const at::Tensor weight = at::full({1}, 3.0, at::kDouble);
  WeightAverage average({{"weight", weight}}, 0.6);
  double wanted = 3.0;
  for (std::int64_t n = 0; n < 40; ++n) {
    weight.fill_(static_cast<double>(n));
    average.update(n);
    const double decay = std::min(0.6, static_cast<double>(1 + n) / static_cast<double>(10 + n));
    wanted = decay * wanted + (1 - decay) * static_cast<double>(n);
    ASSERT_NEAR(average.values()[0].tensor.item<double>(), wanted, 1e-12);
  }
  average.swap();
  EXPECT_NEAR(weight.item<double>(), wanted, 1e-12);
  average.swap();
  EXPECT_EQ(weight.item<double>(), 39.0);
}

}  // namespace
}  // namespace hierevo::nn
