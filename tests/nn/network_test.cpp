// Weights and gradients of the Torch executor's network of a plan.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "genome/published_cell.hpp"
#include "nn/network_cases.hpp"

namespace hierevo::nn {
namespace {

std::int64_t trainable_numbers(const Plan& plan) {
  std::int64_t sum = 0;
  for (const NamedTensor& entry : make_torch_executor(plan, at::kCPU, 1)->parameters()) {
    sum += entry.tensor.numel();
    EXPECT_TRUE(entry.tensor.requires_grad());
  }
  return sum;
}

// --- Parameters -------------------------------------------------------------------------------

// The paper gives 15.7 million for the large network. Both numbers here were counted by its rules.
TEST(Parameters, OfThePublishedCellAreAsCountedByThePapersRules) {
  const auto cell = genome::published_cell();
  EXPECT_EQ(trainable_numbers(plan_of(cell, ModelSpec::of(ModelKind::cifar_small))), 542'138);
  EXPECT_EQ(trainable_numbers(plan_of(cell, ModelSpec::of(ModelKind::cifar_large))), 15'727'306);
}

TEST(Parameters, OfRandomCellsAreAsManyAsTheirCostSays) {
  for (const SearchSpace& space : {SearchSpace::hierarchical(), SearchSpace::flat()}) {
    std::set<std::int64_t> different;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      const Plan plan = random_plan(space, {.channels = 3, .cells = 2}, seed, 20'000'000);
      const std::int64_t counted = genome::cost_of(plan, 32).parameters;
      EXPECT_EQ(trainable_numbers(plan), counted) << space.name() << ", seed " << seed;
      different.insert(counted);
    }
    EXPECT_GT(different.size(), 20U);
  }
}

TEST(Parameters, AreNamedAfterThePlan) {
  const auto executor = make_torch_executor(
      plan_of(genome::published_cell(), ModelSpec::of(ModelKind::cifar_small)), at::kCPU, 1);
  const auto parameters = executor->parameters();
  const auto buffers = executor->buffers();
  EXPECT_EQ(named(parameters, "stem.0.weight").sizes(), (at::IntArrayRef{16, 3, 3, 3}));
  EXPECT_EQ(named(parameters, "separators.0.depthwise.weight").dim(), 4);
  EXPECT_EQ(named(parameters, "separators.0.pointwise.weight").size(0), 32);
  EXPECT_EQ(named(parameters, "separators.2.bn.weight").numel(), 64);
  EXPECT_EQ(named(parameters, "classifier.weight").sizes(), (at::IntArrayRef{10, 64}));
  EXPECT_FALSE(named(parameters, "classifier.bias").any().item<bool>());
  EXPECT_EQ(named(buffers, "stem.0.bn.running_mean").numel(), 16);
  EXPECT_EQ(parameters.front().name, "stem.0.weight");
  EXPECT_EQ(parameters.back().name, "classifier.bias");
  std::set<std::string> names;
  for (const auto& tensors : {parameters, buffers}) {
    for (const NamedTensor& entry : tensors) {
      EXPECT_TRUE(names.insert(entry.name).second) << entry.name << " twice";
    }
  }
}

TEST(Parameters, ConvolutionWeightsAreChannelsLast) {
  const auto executor = make_torch_executor(
      plan_of(genome::published_cell(), ModelSpec::of(ModelKind::cifar_small)), at::kCPU, 1);
  for (const NamedTensor& entry : executor->parameters()) {
    if (entry.tensor.dim() != 4) continue;
    EXPECT_TRUE(entry.tensor.is_contiguous(at::MemoryFormat::ChannelsLast)) << entry.name;
  }
}

// --- Initial weights --------------------------------------------------------------------------

TEST(InitialWeights, DependOnTheSeedAlone) {
  const Plan plan = random_plan(SearchSpace::hierarchical(), {.channels = 4}, 1, 1'000'000);
  const auto weights = [&plan](std::uint64_t seed) {
    std::vector<at::Tensor> flat;
    for (const NamedTensor& entry : make_torch_executor(plan, at::kCPU, seed)->parameters()) {
      flat.push_back(entry.tensor.detach().flatten());
    }
    return at::cat(flat);
  };
  at::manual_seed(1);
  const at::Tensor first = weights(7);
  const at::Tensor after = at::rand({4});
  at::manual_seed(1);
  EXPECT_TRUE(at::rand({4}).equal(after)) << "Torch's global generator was used";
  at::manual_seed(2);
  EXPECT_TRUE(weights(7).equal(first));
  EXPECT_FALSE(weights(8).equal(first));
}

TEST(InitialWeights, AreHeNormalByFanIn) {
  const auto parameters =
      make_torch_executor(plan_of(genome::published_cell(), ModelSpec::of(ModelKind::cifar_large)),
                          at::kCPU, 1)
          ->parameters();
  const auto expect_deviation = [&parameters](const std::string& name, double fan_in) {
    const at::Tensor weight = named(parameters, name).to(at::kDouble);
    const double deviation = weight.std().item<double>();
    const double tolerance = 5 / std::sqrt(2.0 * static_cast<double>(weight.numel()));
    EXPECT_NEAR(deviation / std::sqrt(2 / fan_in), 1, tolerance) << name;
    EXPECT_NEAR(weight.mean().item<double>(), 0, deviation * tolerance * 2) << name;
  };
  expect_deviation("stem.0.weight", 3 * 9);
  expect_deviation("separators.5.depthwise.weight", 9);
  const auto width = named(parameters, "separators.5.pointwise.weight").size(1);
  expect_deviation("separators.5.pointwise.weight", static_cast<double>(width));
}

// --- Gradients --------------------------------------------------------------------------------

/// Loss at the weights moved by `distance` along `direction`.
double loss_along(Executor& executor, const at::Tensor& parameter, const at::Tensor& direction,
                  double distance, const at::Tensor& images, const at::Tensor& labels) {
  at::Tensor weights = parameter.detach();
  const at::Tensor saved = weights.clone();
  weights.add_(direction, distance);
  const double loss = executor.train_step(images, labels).item<double>();
  weights.copy_(saved);
  return loss;
}

TEST(Gradients, OfTheWholeNetworkAgreeWithFiniteDifferences) {
  for (const std::uint64_t seed : {1, 2}) {
    const Plan plan = random_plan(SearchSpace::hierarchical(),
                                  {.channels = 2, .input_channels = 2, .classes = 3}, seed, 5'000);
    const auto executor = make_torch_executor(plan, at::kCPU, seed, at::kDouble);
    const at::Tensor images = noise({6, 2, 9, 7}, seed);
    const at::Tensor labels = random_labels(6, 3, seed);
    executor->train_step(images, labels);
    std::vector<at::Tensor> gradients;
    for (const NamedTensor& entry : executor->parameters()) {
      gradients.push_back(entry.tensor.grad().clone());
    }
    double largest = 0;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const auto [name, parameter] = executor->parameters()[i];
      const at::Tensor direction = noise(parameter.sizes(), 10 + i);
      // This small because a network has kinks (ReLU, max-pooling) that a larger step would cross.
      constexpr double step = 1e-8;
      const double ahead = loss_along(*executor, parameter, direction, step, images, labels);
      const double behind = loss_along(*executor, parameter, direction, -step, images, labels);
      const double expected = (gradients[i] * direction).sum().item<double>();
      EXPECT_NEAR((ahead - behind) / (2 * step), expected, 1e-4 * (0.01 + std::abs(expected)))
          << name << ", seed " << seed;
      largest = std::max(largest, std::abs(expected));
    }
    EXPECT_GT(largest, 0.01) << "nothing to compare";
  }
}

TEST(Gradients, ReplaceThoseOfTheStepBefore) {
  const Plan plan = random_plan(SearchSpace::hierarchical(), {.channels = 2}, 1, 20'000);
  const auto executor = make_torch_executor(plan, at::kCPU, 1, at::kDouble);
  const at::Tensor images = noise({4, 3, 8, 8}, 1);
  const at::Tensor labels = random_labels(4, 10, 1);
  executor->train_step(images, labels);
  const at::Tensor first = executor->parameters()[0].tensor.grad().clone();
  executor->train_step(images, labels);
  EXPECT_TRUE(executor->parameters()[0].tensor.grad().allclose(first, 1e-12, 1e-15));
}

TEST(GradientReady, IsCalledOnceAStepForEachParameterWithItsCompleteGradient) {
  const Plan plan = random_plan(SearchSpace::hierarchical(), {.channels = 2}, 1, 20'000);
  const auto executor = make_torch_executor(plan, at::kCPU, 1);
  const at::Tensor images = noise({4, 3, 8, 8}, 1);
  const at::Tensor labels = random_labels(4, 10, 1);
  const auto parameters = executor->parameters();
  std::vector<std::size_t> order;
  std::vector<at::Tensor> seen(parameters.size());
  executor->on_gradient_ready([](std::size_t) { ADD_FAILURE() << "was replaced"; });
  executor->on_gradient_ready([&](std::size_t i) {
    order.push_back(i);
    const at::Tensor& gradient = parameters[i].tensor.grad();
    if (gradient.defined()) seen[i] = gradient.clone();
  });
  for (int step = 0; step < 2; ++step) {
    order.clear();
    std::fill(seen.begin(), seen.end(), at::Tensor());
    executor->train_step(images, labels);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_EQ(std::count(order.begin(), order.end(), i), 1) << parameters[i].name;
      ASSERT_TRUE(seen[i].defined()) << parameters[i].name;
      EXPECT_TRUE(seen[i].equal(parameters[i].tensor.grad())) << parameters[i].name;
    }
    // From the last layer to the first, so that communication can overlap with computing.
    EXPECT_GE(order.front(), parameters.size() - 2);
    EXPECT_LT(order.back(), 3U);
  }
}

TEST(TrainStep, WorksWhereTheCallerHasSwitchedGradientsOff) {
  const Plan plan = random_plan(SearchSpace::hierarchical(), {.channels = 2}, 1, 20'000);
  const auto executor = make_torch_executor(plan, at::kCPU, 1);
  const at::NoGradGuard without_gradients;
  const at::Tensor loss = executor->train_step(noise({4, 3, 8, 8}, 1), random_labels(4, 10, 1));
  EXPECT_FALSE(loss.requires_grad());
  EXPECT_EQ(loss.dim(), 0);
  EXPECT_TRUE(executor->parameters()[0].tensor.grad().any().item<bool>());
}

}  // namespace
}  // namespace hierevo::nn
