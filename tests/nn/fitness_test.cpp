// Real networks trained on Fashion-MNIST, briefly.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "hierevo/data/dataset.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "hierevo/nn/training/fitness.hpp"
#include "nn/small_problem.hpp"
#include "support/refusal.hpp"

namespace hierevo::nn {
namespace {

const TrainingOptions brief{.steps = 40, .batch = 64, .crop = 20, .learning_rate = 0.05};

struct Result {
  TrainingEnd end;
  std::vector<double> accuracy;
  std::vector<double> loss;
};

class Fitness : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    data::Dataset dataset = data::load_dataset("fashion-mnist", {});
    split_ = new Split(split_training_set(to_tensors(std::move(dataset.train)), 8'000, 1'000, 1));
  }
  static void TearDownTestSuite() {
    delete split_;
    split_ = nullptr;
  }
  static const Split& split() { return *split_; }

  static Result measure(const TrainingOptions& options, std::uint64_t seed, int repeats = 1,
                        const ProgressCallback& progress = {}) {
    const genome::Plan plan = small_plan();
    FitnessMeasurement measurement(plan, split(), options, {repeats}, seed, at::kCPU);
    const TrainingEnd end = measurement.run(progress);
    return {end, measurement.accuracy(), measurement.loss()};
  }

 private:
  static inline Split* split_ = nullptr;
};

TEST_F(Fitness, LossFallsAndAccuracyRisesFarAboveChance) {
  // Whole images: after so few steps, statistics of small crops do not suit whole images yet.
  TrainingOptions options = brief;
  options.crop = 0;
  options.steps = 80;
  options.learning_rate = 0.1;
  double first = 0;
  const auto progress = [&first](const TrainingProgress& now) {
    if (now.step == 1) first = now.loss;
    return true;
  };
  const Result result = measure(options, 1, 1, progress);
  EXPECT_EQ(result.end, TrainingEnd::finished);
  ASSERT_EQ(result.accuracy.size(), 1U);
  EXPECT_GT(first, 2.0);
  EXPECT_LT(result.loss[0], 0.7 * first);
  EXPECT_GT(result.accuracy[0], 0.35);  // chance is 0.1
}

TEST_F(Fitness, SameSeedSameFitnessOtherSeedOtherFitness) {
  TrainingOptions options = brief;
  options.steps = 10;
  const Result first = measure(options, 1);
  const Result again = measure(options, 1);
  const Result other = measure(options, 2);
  EXPECT_EQ(first.accuracy, again.accuracy);
  EXPECT_EQ(first.loss, again.loss);
  EXPECT_NE(first.accuracy, other.accuracy);
  EXPECT_NE(first.loss, other.loss);
}

TEST_F(Fitness, RepeatsAreIndependentAndDependOnTheirNumberAlone) {
  TrainingOptions options = brief;
  options.steps = 5;
  std::vector<int> repeats;
  const auto progress = [&repeats](const TrainingProgress& now) {
    if (now.step == 1) repeats.push_back(now.repeat);
    return true;
  };
  const Result three = measure(options, 1, 3, progress);
  EXPECT_EQ(repeats, (std::vector<int>{0, 1, 2}));
  ASSERT_EQ(three.loss.size(), 3U);
  ASSERT_EQ(three.accuracy.size(), 3U);
  EXPECT_NE(three.loss[0], three.loss[1]);
  EXPECT_NE(three.loss[1], three.loss[2]);
  EXPECT_EQ(measure(options, 1, 1).loss[0], three.loss[0]);
}

TEST_F(Fitness, StopsWithinARepeatAndKeepsTheFinishedOnes) {
  TrainingOptions options = brief;
  options.steps = 3;
  const auto progress = [](const TrainingProgress& now) { return now.repeat == 0 || now.step < 2; };
  const Result result = measure(options, 1, 3, progress);
  EXPECT_EQ(result.end, TrainingEnd::stopped);
  EXPECT_EQ(result.accuracy.size(), 1U);
  EXPECT_EQ(result.loss.size(), 1U);
}

/// A copy of a state that does not change when its training continues.
FitnessState copied(FitnessState state) {
  for (auto* tensors :
       {&state.training.weights, &state.training.momentum, &state.training.average}) {
    for (NamedTensor& named : *tensors) named.tensor = named.tensor.detach().clone();
  }
  return state;
}

TEST_F(Fitness, StoppedAnywhereItEndsWithTheSameFitness) {
  TrainingOptions options = brief;
  options.steps = 4;
  options.batch = 16;
  options.ema_decay = 0.5;
  const genome::Plan plan = small_plan();
  const Split few = split_training_set(split().validation, 800, 200, 1);
  FitnessMeasurement whole(plan, few, options, {3}, 7, at::kCPU);
  ASSERT_EQ(whole.run({}), TrainingEnd::finished);
  // A call of progress for each step, and for the start of each repeat's validation.
  for (int calls = 1; calls <= 3 * (4 + 1); ++calls) {
    FitnessMeasurement first(plan, few, options, {3}, 7, at::kCPU);
    int left = calls;
    ASSERT_EQ(first.run([&](const TrainingProgress&) { return --left > 0; }), TrainingEnd::stopped);
    const FitnessState saved = copied(first.state());
    FitnessMeasurement second(plan, few, options, {3}, 7, at::kCPU);
    second.restore(saved);
    EXPECT_EQ(second.accuracy(), saved.accuracy);
    EXPECT_EQ(second.run({}), TrainingEnd::finished);
    EXPECT_EQ(second.accuracy(), whole.accuracy()) << calls;
    EXPECT_EQ(second.loss(), whole.loss()) << calls;
  }
}

TEST_F(Fitness, AStateOfOtherOptionsIsRefusedAndChangesNothing) {
  TrainingOptions options = brief;
  options.steps = 2;
  const genome::Plan plan = small_plan();
  FitnessMeasurement measurement(plan, split(), options, {2}, 1, at::kCPU);
  ASSERT_EQ(measurement.run({}), TrainingEnd::finished);
  const FitnessState good = measurement.state();
  const auto state_of = [](std::vector<double> accuracy, std::vector<double> loss,
                           std::vector<double> losses) {
    FitnessState state;
    state.accuracy = std::move(accuracy);
    state.loss = std::move(loss);
    state.training.losses = std::move(losses);
    return state;
  };
  const auto refused = [&](const FitnessState& state) {
    EXPECT_ERROR(measurement.restore(state), "does not fit these options");
    EXPECT_EQ(measurement.accuracy(), good.accuracy);
  };
  refused(state_of({0.5, 0.5, 0.5}, {1, 1, 1}, {}));
  refused(state_of({0.5, 0.5}, {1, 1}, {1.0}));
  refused(state_of({0.5}, {}, {}));
  refused(state_of({1.5}, {1}, {}));
  refused(state_of({}, {}, {1, 1, 1}));
  EXPECT_ERROR(measurement.restore(state_of({}, {}, {1.0})), "0 tensors instead of");
}

TEST_F(Fitness, AnAbsurdLearningRateDiverges) {
  TrainingOptions options = brief;
  options.learning_rate = 1e30;
  const Result result = measure(options, 1, 2);
  EXPECT_EQ(result.end, TrainingEnd::diverged);
  EXPECT_TRUE(result.accuracy.empty());
}

TEST_F(Fitness, RefusesWhatDoesNotFit) {
  const auto message = [](const genome::Plan& plan, const TrainingOptions& options, int repeats) {
    return test::refusal(
        [&] { FitnessMeasurement(plan, split(), options, {repeats}, 1, at::kCPU); });
  };
  EXPECT_EQ(message(small_plan(10, 3), brief, 1),
            "A network for images of 3 channels (the data set's have 1).");
  EXPECT_EQ(message(small_plan(9), brief, 1),
            "A network for 9 classes (the data set has label 9).");
  EXPECT_EQ(message(small_plan(), brief, 0), "0 repeats of the training (at least 1 is needed).");
  EXPECT_EQ(message(small_plan(), {.crop = 29}, 1),
            "crop is 29 (the images are 28×28). Give at most 28, or 0 for whole images.");
}

TEST_F(Fitness, TheSeedOfTheWeightsAndTheSeedOfTheTrainingAreIndependent) {
  TrainingOptions options = brief;
  options.steps = 2;
  const auto loss = [&](std::uint64_t weights, std::uint64_t training) {
    const auto executor = make_torch_executor(small_plan(), at::kCPU, weights);
    return train(*executor, split().train, split().normalisation, options, training, {}).loss;
  };
  EXPECT_EQ(loss(1, 1), loss(1, 1));
  EXPECT_NE(loss(1, 1), loss(2, 1));
  EXPECT_NE(loss(1, 1), loss(1, 2));
}

}  // namespace
}  // namespace hierevo::nn
