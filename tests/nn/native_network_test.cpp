// The native network on plain memory: its results are the same bit for bit whatever the number of
// threads and whatever it computed before.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <set>

#include "hierevo/core/random.hpp"
#include "hierevo/genome/mutation.hpp"
#include "native/native_network.hpp"

namespace hierevo::nn::native {
namespace {

using genome::ModelKind;
using genome::ModelSpec;
using genome::Plan;
using genome::PlanOp;
using genome::PlanOpKind;

/// A valid cell of moderate size.
Plan random_plan(const genome::SearchSpace& space, const ModelSpec& spec, std::uint64_t seed) {
  core::RandomStream random(seed);
  while (true) {
    const auto cell = genome::assemble(genome::random_genotype(space, random));
    if (!cell.valid()) continue;
    Plan plan = genome::make_plan(cell, spec);
    if (genome::cost_of(plan, 32).parameters <= 60'000) return plan;
  }
}

std::vector<float> noise(std::int64_t count, std::uint64_t seed) {
  core::RandomStream random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(2.0 * random.unit() - 1.0);
  return values;
}

/// A network with random weights, and everything that a step changes.
class Trained {
 public:
  Trained(const Plan& plan, const Kernels& kernels)
      : plan_(plan), network_(plan, kernels, make_weights()) {}

  void step(std::int64_t images, int height, int width, int threads, const StepFrame& frame = {}) {
    const std::int64_t channels = plan_.input_channels;
    const auto pixels = noise(images * channels * height * width, 5);
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < images; ++i) labels.push_back(i % plan_.classes);
    const ImageView view{
        .data = pixels.data(),
        .sizes = {images, channels, height, width},
        .strides = {channels * height * width, std::int64_t{height} * width, width, 1}};
    loss_ = network_.train(view, {.labels = labels.data()}, frame, threads);
    logits_ = network_.predict(view, threads);
  }

  /// Loss, gradients, running statistics and logits of the last step.
  std::vector<double> outcome() const {
    std::vector<double> all = {loss_};
    for (const auto& gradient : gradients_) all.insert(all.end(), gradient.begin(), gradient.end());
    for (const auto& buffer : buffers_) all.insert(all.end(), buffer.begin(), buffer.end());
    all.insert(all.end(), logits_.begin(), logits_.end());
    return all;
  }
  std::size_t parameters() const { return values_.size(); }

 private:
  Parameter parameter(std::int64_t count) {
    values_.push_back(noise(count, values_.size()));
    gradients_.emplace_back(values_.back().size(), std::nanf(""));
    return {values_.back().data(), gradients_.back().data(), values_.size() - 1};
  }
  float* buffer(std::int64_t count, float value) {
    buffers_.emplace_back(static_cast<std::size_t>(count), value);
    return buffers_.back().data();
  }

  std::vector<OpWeights> make_weights() {
    std::vector<OpWeights> all;
    for (const PlanOp& op : plan_.ops) {
      OpWeights& weights = all.emplace_back();
      std::int64_t inputs = 0;
      for (const int operand : op.operands) {
        inputs += plan_.ops[static_cast<std::size_t>(operand)].channels;
      }
      const bool taps = op.kind == PlanOpKind::depthwise || op.kind == PlanOpKind::separable;
      if (taps) weights.depthwise = parameter(inputs * 9);
      const std::int64_t windows = op.kind == PlanOpKind::conv ? op.kernel * op.kernel : 1;
      const bool norm = taps || op.kind == PlanOpKind::conv;
      if (op.kind == PlanOpKind::linear || (norm && op.kind != PlanOpKind::depthwise)) {
        weights.weight = parameter(op.channels * inputs * windows);
      }
      if (op.kind == PlanOpKind::linear) weights.bias = parameter(op.channels);
      if (!norm) continue;
      weights.bn_weight = parameter(op.channels);
      weights.bn_bias = parameter(op.channels);
      weights.running_mean = buffer(op.channels, 0.0F);
      weights.running_var = buffer(op.channels, 1.0F);
    }
    return all;
  }

  const Plan& plan_;
  double loss_ = 0.0;
  std::vector<float> logits_;
  std::vector<std::vector<float>> values_;
  std::vector<std::vector<float>> gradients_;
  std::vector<std::vector<float>> buffers_;
  NativeNetwork network_;
};

std::vector<double> outcome_of(const Plan& plan, const Kernels& kernels, std::int64_t images,
                               int height, int width, int threads) {
  Trained trained(plan, kernels);
  trained.step(images, height, width, threads);
  return trained.outcome();
}

std::vector<Plan> some_plans() {
  std::vector<Plan> plans;
  for (const auto& space : {genome::SearchSpace::hierarchical(), genome::SearchSpace::flat()}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const ModelSpec spec{.channels = 2 + static_cast<int>(seed) * 3};
      plans.push_back(random_plan(space, spec, seed));
    }
  }
  plans.push_back(random_plan(genome::SearchSpace::hierarchical(),
                              {.kind = ModelKind::imagenet, .channels = 3, .classes = 19}, 9));
  return plans;
}

TEST(NativeNetwork, GivesTheSameOnAnyNumberOfThreads) {
  for (const Plan& plan : some_plans()) {
    for (const Kernels* kernels : kernel_sets()) {
      const auto expected = outcome_of(plan, *kernels, 19, 7, 8, 1);
      EXPECT_TRUE(std::all_of(expected.begin(), expected.end(),
                              [](double value) { return std::isfinite(value); }));
      for (const int threads : {2, 3}) {
        EXPECT_EQ(outcome_of(plan, *kernels, 19, 7, 8, threads), expected) << kernels->name;
      }
    }
  }
}

TEST(NativeNetwork, ForgetsWhatItComputedBefore) {
  const Plan plan = some_plans().front();
  const Kernels& kernels = *kernel_sets().front();
  Trained used(plan, kernels);
  Trained fresh(plan, kernels);
  used.step(3, 12, 12, 1);
  used.step(40, 5, 6, 2);
  used.step(1, 1, 1, 1);
  fresh.step(3, 12, 12, 2);
  fresh.step(40, 5, 6, 1);
  fresh.step(1, 1, 1, 2);
  // The variance of a single pixel is NaN, and so are the running statistics from here on.
  used.step(5, 9, 9, 1);
  fresh.step(5, 9, 9, 1);
  Trained other(plan, kernels);
  other.step(5, 9, 9, 1);
  const auto gradients = [&](const Trained& of) {
    auto all = of.outcome();
    all.resize(all.size() / 3);  // the loss and some gradients, no running statistics
    return all;
  };
  EXPECT_EQ(gradients(used), gradients(other));
  EXPECT_EQ(gradients(fresh), gradients(other));
}

TEST(NativeNetwork, TellsOfEachGradientOnceFromTheEndToTheBeginning) {
  for (const Plan& plan : some_plans()) {
    Trained trained(plan, *kernel_sets().back());
    std::vector<std::size_t> order;
    trained.step(4, 6, 6, 2,
                 {.gradient_ready = [&order](std::size_t index) { order.push_back(index); }});
    EXPECT_EQ(order.size(), trained.parameters());
    EXPECT_EQ(std::set<std::size_t>(order.begin(), order.end()).size(), trained.parameters());
    EXPECT_GE(order.front(), trained.parameters() - 2);
    EXPECT_EQ(order.back(), 0U);
  }
}

TEST(NativeNetwork, WantsPlansThatEndWithAClassifierAndUseAllTheyCompute) {
  Plan plan = some_plans().front();
  EXPECT_TRUE(Schedule::can_run(plan));
  Plan unused = plan;
  unused.ops.insert(
      unused.ops.end() - 1,
      {.kind = PlanOpKind::avgpool, .operands = {0}, .name = "unused", .kernel = 3, .channels = 3});
  EXPECT_FALSE(Schedule::can_run(unused));
  Plan wide = plan;
  for (PlanOp& op : wide.ops) {
    if (op.kind == PlanOpKind::separable) op.kernel = 5;
  }
  EXPECT_FALSE(Schedule::can_run(wide));
  Plan pooled = plan;
  pooled.ops.insert(
      pooled.ops.begin() + 1,
      {.kind = PlanOpKind::maxpool, .operands = {0}, .name = "pooled", .kernel = 3, .channels = 3});
  for (std::size_t i = 2; i < pooled.ops.size(); ++i) {
    for (int& operand : pooled.ops[i].operands) ++operand;
  }
  EXPECT_FALSE(Schedule::can_run(pooled));
  plan.ops.pop_back();
  EXPECT_FALSE(Schedule::can_run(plan));
}

// --- Schedule
// -------------------------------------------------------------------------------------

TEST(Schedule, ComputesAllThatATaskReadsBeforeIt) {
  for (const Plan& plan : some_plans()) {
    const Schedule schedule(plan, 8);
    std::vector<int> ready(schedule.pieces().size(), -1);  // sweep from which each can be read
    ready[0] = 0;
    std::size_t tasks = 0;
    for (std::size_t i = 0; i < schedule.sweeps().size(); ++i) {
      const auto sweep = static_cast<int>(i);
      for (const int piece : schedule.sweeps()[i].normalised) {
        EXPECT_LT(schedule.task(schedule.piece(piece).task).sweep, sweep);
        ready[static_cast<std::size_t>(piece)] = sweep;
      }
      for (const int index : schedule.sweeps()[i].tasks) {
        const Task& task = schedule.task(index);
        ++tasks;
        for (const Source& source : task.sources) {
          const int since = ready[static_cast<std::size_t>(source.piece)];
          EXPECT_TRUE(since >= 0 && since <= sweep);
        }
        const auto output = static_cast<std::size_t>(task.output);
        if (!schedule.pieces()[output].normalised) ready[output] = sweep;
      }
    }
    EXPECT_EQ(tasks, schedule.tasks().size());
  }
}

TEST(Schedule, RefusesWhatNoMemoryHasRoomFor) {
  Plan plan{.ops = {{.kind = PlanOpKind::input, .name = "input", .channels = 3},
                    {.kind = PlanOpKind::conv, .operands = {0}, .name = "stem", .channels = 16}}};
  std::int64_t channels = 16;
  for (int doubled = 0; doubled < 50; ++doubled) {  // the last one has 2^54 channels
    const auto before = static_cast<int>(plan.ops.size()) - 1;
    channels *= 2;
    plan.ops.push_back({.kind = PlanOpKind::concat,
                        .operands = {before, before},
                        .name = "wider",
                        .channels = channels});
  }
  const auto last = static_cast<int>(plan.ops.size()) - 1;
  plan.ops.push_back({.kind = PlanOpKind::global_average,
                      .operands = {last},
                      .name = "mean",
                      .channels = channels});
  plan.ops.push_back(
      {.kind = PlanOpKind::linear, .operands = {last + 1}, .name = "linear", .channels = 10});
  EXPECT_TRUE(Schedule::can_run(plan));
  EXPECT_THROW(Schedule(plan, 16), std::bad_alloc);
}

TEST(Schedule, PoolsEqualPiecesOnce) {
  // The maximum of a concatenation has that of its part in it.
  const PlanOp max_of_all{
      .kind = PlanOpKind::maxpool, .operands = {3}, .name = "a", .kernel = 3, .channels = 8};
  const PlanOp max_of_part{
      .kind = PlanOpKind::maxpool, .operands = {1}, .name = "b", .kernel = 3, .channels = 4};
  const Plan plan{
      .ops = {{.kind = PlanOpKind::input, .name = "input", .channels = 3},
              {.kind = PlanOpKind::conv, .operands = {0}, .name = "c", .channels = 4},
              {.kind = PlanOpKind::conv, .operands = {0}, .name = "d", .channels = 4},
              {.kind = PlanOpKind::concat, .operands = {1, 2}, .name = "e", .channels = 8},
              max_of_all,
              max_of_part,
              {.kind = PlanOpKind::concat, .operands = {4, 5}, .name = "f", .channels = 12},
              {.kind = PlanOpKind::global_average, .operands = {6}, .name = "g", .channels = 12},
              {.kind = PlanOpKind::linear, .operands = {7}, .name = "h", .channels = 10}}};
  const Schedule schedule(plan, 4);
  const auto maxima =
      std::count_if(schedule.tasks().begin(), schedule.tasks().end(),
                    [](const Task& task) { return task.kind == PlanOpKind::maxpool; });
  EXPECT_EQ(maxima, 2);
  EXPECT_EQ(schedule.tasks().back().sources.size(), 3U);
}

// --- Loss
// -----------------------------------------------------------------------------------------

TEST(CrossEntropy, HasTheGradientOfItsValue) {
  const std::vector<float> logits = noise(12, 1);
  const std::vector<std::int64_t> labels = {3, 0, 2};
  const std::vector<float> probabilities = noise(12, 2);  // need not be probabilities
  for (const bool given_labels : {true, false}) {
    const Targets targets{.labels = given_labels ? labels.data() : nullptr,
                          .probabilities = probabilities.data(),
                          .smoothing = 0.3};
    const auto loss_of = [&](std::vector<float> values) {
      return cross_entropy(values, 3, targets, 1.0);
    };
    std::vector<float> gradient = logits;
    cross_entropy(gradient, 3, targets, 2.0);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      std::vector<float> ahead = logits;
      std::vector<float> behind = logits;
      ahead[i] += 0.0078125F;
      behind[i] -= 0.0078125F;
      EXPECT_NEAR((loss_of(ahead) - loss_of(behind)) / 0.015625 * 2.0,
                  static_cast<double>(gradient[i]), 1e-4);
    }
  }
}

// --- Workers
// --------------------------------------------------------------------------------------

TEST(Workers, DoEachItemOnce) {
  for (const int count : {1, 2, 5}) {
    Workers workers(count);
    EXPECT_EQ(workers.count(), count);
    for (int round = 0; round < 200; ++round) {
      std::vector<int> done(17, 0);
      workers.run(17, [&](std::int64_t item, int worker) {
        EXPECT_TRUE(worker >= 0 && worker < count);
        ++done[static_cast<std::size_t>(item)];
      });
      EXPECT_EQ(done, std::vector<int>(17, 1));
    }
    workers.run(0, [](std::int64_t, int) { ADD_FAILURE() << "there is nothing to do"; });
  }
}

TEST(Workers, PassOnWhatAnItemThrowsAndGoOnWorking) {
  for (const int count : {1, 2, 5}) {
    Workers workers(count);
    for (int round = 0; round < 200; ++round) {
      const auto work = [](std::int64_t item, int) {
        if (item % 5 == 3) throw std::bad_alloc();
      };
      EXPECT_THROW(workers.run(17, work), std::bad_alloc);
      std::vector<int> done(17, 0);
      workers.run(17, [&](std::int64_t item, int) { ++done[static_cast<std::size_t>(item)]; });
      EXPECT_EQ(done, std::vector<int>(17, 1));
    }
  }
}

}  // namespace
}  // namespace hierevo::nn::native
