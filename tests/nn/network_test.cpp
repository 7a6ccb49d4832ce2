// The network that the Torch executor makes of a plan, against slow and obvious arithmetic.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "genome/published_cell.hpp"
#include "hierevo/genome/mutation.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/torch_executor.hpp"

namespace hierevo::nn {
namespace {

using genome::ModelKind;
using genome::ModelSpec;
using genome::Plan;
using genome::PlanOp;
using genome::PlanOpKind;
using genome::SearchSpace;

Plan plan_of(const genome::Genotype& genotype, const ModelSpec& spec) {
  return genome::make_plan(genome::assemble(genotype), spec);
}

/// The plan of a random cell, valid and of at most `most_parameters`.
Plan random_plan(const SearchSpace& space, const ModelSpec& spec, std::uint64_t seed,
                 std::int64_t most_parameters) {
  core::RandomStream random(seed);
  while (true) {
    const auto cell = genome::assemble(genome::random_genotype(space, random));
    if (!cell.valid()) continue;
    Plan plan = genome::make_plan(cell, spec);
    if (genome::cost_of(plan, 32).parameters <= most_parameters) return plan;
  }
}

at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed) {
  core::RandomStream random(seed);
  at::Tensor values = at::empty(shape, at::kDouble);
  auto* value = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    value[i] = static_cast<double>(random() >> 11) * 0x1p-52 - 1.0;
  }
  return values;
}

at::Tensor random_labels(std::int64_t count, std::int64_t classes, std::uint64_t seed) {
  core::RandomStream random(seed);
  at::Tensor labels = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    labels[i] = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(classes)));
  }
  return labels;
}

at::Tensor named(const std::vector<NamedTensor>& tensors, const std::string& name) {
  for (const NamedTensor& entry : tensors) {
    if (entry.name == name) return entry.tensor.detach();
  }
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

std::int64_t trainable_numbers(const Plan& plan) {
  std::int64_t sum = 0;
  for (const NamedTensor& entry : make_torch_executor(plan, at::kCPU, 1)->parameters()) {
    sum += entry.tensor.numel();
    EXPECT_TRUE(entry.tensor.requires_grad());
  }
  return sum;
}

// --- Parameters -------------------------------------------------------------------------------

TEST(Parameters, OfThePublishedCellAreAsPublished) {
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

// --- Operations -------------------------------------------------------------------------------

std::int64_t output_size(std::int64_t size, const PlanOp& op) {
  return (size + 2 * (op.kernel / 2) - op.kernel) / op.stride + 1;
}

/// Calls visit(value) for each tap of the window of output pixel (row, column) inside the image.
template <typename Visit>
void for_each_tap(const at::Tensor& plane, const PlanOp& op, std::int64_t row, std::int64_t column,
                  Visit&& visit) {
  const auto pixels = plane.accessor<double, 2>();
  for (std::int64_t i = 0; i < op.kernel; ++i) {
    for (std::int64_t j = 0; j < op.kernel; ++j) {
      const std::int64_t y = row * op.stride + i - op.kernel / 2;
      const std::int64_t x = column * op.stride + j - op.kernel / 2;
      if (y < 0 || x < 0 || y >= plane.size(0) || x >= plane.size(1)) continue;
      visit(i, j, pixels[y][x]);
    }
  }
}

/// One output plane: `reduce(plane, row, column)` of each pixel.
template <typename Reduce>
at::Tensor map_plane(const at::Tensor& plane, const PlanOp& op, Reduce&& reduce) {
  at::Tensor out =
      at::empty({output_size(plane.size(0), op), output_size(plane.size(1), op)}, at::kDouble);
  for (std::int64_t row = 0; row < out.size(0); ++row) {
    for (std::int64_t column = 0; column < out.size(1); ++column) {
      out[row][column] = reduce(row, column);
    }
  }
  return out;
}

at::Tensor filtered_plane(const at::Tensor& plane, const at::Tensor& weight, const PlanOp& op) {
  const auto taps = weight.accessor<double, 2>();
  return map_plane(plane, op, [&](std::int64_t row, std::int64_t column) {
    double sum = 0;
    for_each_tap(plane, op, row, column,
                 [&](std::int64_t i, std::int64_t j, double value) { sum += taps[i][j] * value; });
    return sum;
  });
}

at::Tensor pooled_plane(const at::Tensor& plane, const PlanOp& op) {
  return map_plane(plane, op, [&](std::int64_t row, std::int64_t column) {
    double sum = 0;
    double largest = -std::numeric_limits<double>::infinity();
    int count = 0;
    for_each_tap(plane, op, row, column, [&](std::int64_t, std::int64_t, double value) {
      sum += value;
      largest = std::max(largest, value);
      ++count;
    });
    return op.kind == PlanOpKind::maxpool ? largest : sum / count;
  });
}

/// For images [N, C, H, W]: each output plane is made of one input plane (depthwise, pooling) or is
/// the sum over all of them.
at::Tensor depthwise(const at::Tensor& images, const at::Tensor& weight, const PlanOp& op) {
  std::vector<at::Tensor> planes;
  for (const at::Tensor& image : images.unbind(0)) {
    for (std::int64_t c = 0; c < images.size(1); ++c) {
      planes.push_back(weight.defined() ? filtered_plane(image[c], weight[c][0], op)
                                        : pooled_plane(image[c], op));
    }
  }
  const at::Tensor stacked = at::stack(planes);
  return stacked.view({images.size(0), images.size(1), stacked.size(1), stacked.size(2)});
}

at::Tensor full_convolution(const at::Tensor& images, const at::Tensor& weight, const PlanOp& op) {
  std::vector<at::Tensor> planes;
  for (const at::Tensor& image : images.unbind(0)) {
    for (std::int64_t o = 0; o < weight.size(0); ++o) {
      at::Tensor sum = filtered_plane(image[0], weight[o][0], op);
      for (std::int64_t c = 1; c < images.size(1); ++c) {
        sum += filtered_plane(image[c], weight[o][c], op);
      }
      planes.push_back(sum);
    }
  }
  const at::Tensor stacked = at::stack(planes);
  return stacked.view({images.size(0), weight.size(0), stacked.size(1), stacked.size(2)});
}

/// The executor's weights, read by name.
class Reference {
 public:
  explicit Reference(Executor& executor)
      : parameters_(executor.parameters()), buffers_(executor.buffers()) {}

  at::Tensor weight(const std::string& name) const { return named(parameters_, name).contiguous(); }

  at::Tensor bn_relu(const at::Tensor& input, const std::string& name) const {
    const auto per_channel = [](const at::Tensor& values) { return values.view({1, -1, 1, 1}); };
    const at::Tensor mean = per_channel(named(buffers_, name + ".bn.running_mean"));
    const at::Tensor variance = per_channel(named(buffers_, name + ".bn.running_var"));
    const at::Tensor scale = per_channel(weight(name + ".bn.weight"));
    const at::Tensor offset = per_channel(weight(name + ".bn.bias"));
    return ((input - mean) / (variance + 1e-5).sqrt() * scale + offset).clamp_min(0);
  }

  at::Tensor apply(const PlanOp& op, const at::Tensor& input) const {
    switch (op.kind) {
      case PlanOpKind::conv:
        return bn_relu(full_convolution(input, weight(op.name + ".weight"), op), op.name);
      case PlanOpKind::depthwise:
        return bn_relu(depthwise(input, weight(op.name + ".weight"), op), op.name);
      case PlanOpKind::separable: {
        PlanOp pointwise = op;
        pointwise.kernel = 1;
        pointwise.stride = 1;
        const at::Tensor middle = depthwise(input, weight(op.name + ".depthwise.weight"), op);
        return bn_relu(full_convolution(middle, weight(op.name + ".pointwise.weight"), pointwise),
                       op.name);
      }
      default:
        return depthwise(input, {}, op);
    }
  }

  at::Tensor classify(const at::Tensor& input) const {
    return input.mean({2, 3}).matmul(weight("classifier.weight").t()) + weight("classifier.bias");
  }

 private:
  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> buffers_;
};

/// input → op → average → classifier, so that the logits depend on every pixel of the op's output.
Plan plan_around(const PlanOp& op, std::int64_t input_channels) {
  Plan plan{.ops = {}, .input_channels = static_cast<int>(input_channels), .classes = 4};
  plan.ops.push_back(
      {.kind = PlanOpKind::input, .operands = {}, .name = "input", .channels = input_channels});
  plan.ops.push_back(op);
  plan.ops.push_back({.kind = PlanOpKind::global_average,
                      .operands = {1},
                      .name = "pool",
                      .channels = op.channels});
  plan.ops.push_back(
      {.kind = PlanOpKind::linear, .operands = {2}, .name = "classifier", .channels = 4});
  return plan;
}

/// Weights and statistics that no mistake can hide behind: none is 0 or 1.
void randomise(Executor& executor) {
  std::uint64_t seed = 100;
  for (const NamedTensor& entry : executor.parameters()) {
    entry.tensor.detach().copy_(noise(entry.tensor.sizes(), ++seed));
  }
  for (const NamedTensor& entry : executor.buffers()) {
    entry.tensor.copy_(noise(entry.tensor.sizes(), ++seed).abs() + 0.1);
  }
}

struct OperationCase {
  PlanOpKind kind;
  int kernel;
};

class Operation : public testing::TestWithParam<OperationCase> {};

TEST_P(Operation, ComputesWhatThePlanSaysAtOddAndEvenSizes) {
  const bool widens =
      GetParam().kind == PlanOpKind::conv || GetParam().kind == PlanOpKind::separable;
  for (const int stride : {1, 2}) {
    const PlanOp op{.kind = GetParam().kind,
                    .operands = {0},
                    .name = "op",
                    .kernel = GetParam().kernel,
                    .stride = stride,
                    .channels = widens ? 5 : 3};
    const auto executor = make_torch_executor(plan_around(op, 3), at::kCPU, 1, at::kDouble);
    randomise(*executor);
    for (const std::vector<std::int64_t>& size :
         {std::vector<std::int64_t>{7, 5}, {8, 6}, {1, 3}, {1, 1}}) {
      const at::Tensor images = noise({2, 3, size[0], size[1]}, 5);
      const Reference reference(*executor);
      const at::Tensor expected = reference.classify(reference.apply(op, images));
      const at::Tensor found = executor->predict(images);
      ASSERT_EQ(found.sizes(), (at::IntArrayRef{2, 4}));
      EXPECT_TRUE(found.allclose(expected, 1e-9, 1e-12))
          << "stride " << stride << ", " << size[0] << "×" << size[1] << ": " << found
          << "\nexpected " << expected;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfEveryKind, Operation,
                         testing::Values(OperationCase{PlanOpKind::conv, 1},
                                         OperationCase{PlanOpKind::conv, 3},
                                         OperationCase{PlanOpKind::depthwise, 3},
                                         OperationCase{PlanOpKind::separable, 3},
                                         OperationCase{PlanOpKind::maxpool, 3},
                                         OperationCase{PlanOpKind::avgpool, 3}),
                         [](const testing::TestParamInfo<OperationCase>& tested) {
                           return "kind" + std::to_string(static_cast<int>(tested.param.kind)) +
                                  "_kernel" + std::to_string(tested.param.kernel);
                         });

TEST(Concatenation, KeepsTheOrderOfItsOperands) {
  const PlanOp conv{.kind = PlanOpKind::conv, .operands = {0}, .name = "conv", .channels = 2};
  const PlanOp pool{
      .kind = PlanOpKind::maxpool, .operands = {0}, .name = "max", .kernel = 3, .channels = 3};
  Plan plan = plan_around(conv, 3);
  plan.ops.insert(plan.ops.begin() + 2, pool);
  plan.ops.insert(
      plan.ops.begin() + 3,
      {.kind = PlanOpKind::concat, .operands = {2, 1, 0}, .name = "concat", .channels = 8});
  plan.ops[4].operands = {3};
  plan.ops[4].channels = 8;
  plan.ops[5].operands = {4};
  const auto executor = make_torch_executor(plan, at::kCPU, 1, at::kDouble);
  randomise(*executor);
  const at::Tensor images = noise({2, 3, 5, 5}, 5);
  const Reference reference(*executor);
  const at::Tensor joined =
      at::cat({reference.apply(pool, images), reference.apply(conv, images), images}, 1);
  EXPECT_TRUE(executor->predict(images).allclose(reference.classify(joined), 1e-9, 1e-12));
}

// --- Batch normalisation ----------------------------------------------------------------------

TEST(BatchNormalisation, MovesItsRunningStatisticsByATenthInTrainingOnly) {
  const PlanOp op{.kind = PlanOpKind::conv, .operands = {0}, .name = "op", .channels = 5};
  const auto executor = make_torch_executor(plan_around(op, 3), at::kCPU, 1, at::kDouble);
  const at::Tensor images = noise({4, 3, 6, 6}, 1);
  const at::Tensor outputs = full_convolution(images, Reference(*executor).weight("op.weight"), op);

  executor->predict(images);
  EXPECT_FALSE(named(executor->buffers(), "op.bn.running_mean").any().item<bool>());
  EXPECT_TRUE(named(executor->buffers(), "op.bn.running_var").eq(1).all().item<bool>());

  executor->train_step(images, random_labels(4, 4, 1));
  EXPECT_TRUE(named(executor->buffers(), "op.bn.running_mean")
                  .allclose(0.1 * outputs.mean({0, 2, 3}), 1e-9));
  EXPECT_TRUE(named(executor->buffers(), "op.bn.running_var")
                  .allclose(0.9 + 0.1 * outputs.var({0, 2, 3}, /*unbiased=*/true), 1e-9));
}

TEST(BatchNormalisation, UsesTheBatchInTrainingAndTheRunningStatisticsInEvaluation) {
  const Plan plan = random_plan(SearchSpace::hierarchical(), {.channels = 3}, 3, 100'000);
  const auto executor = make_torch_executor(plan, at::kCPU, 1);
  const at::Tensor images = noise({16, 3, 16, 16}, 2);
  const at::Tensor labels = random_labels(16, 10, 3);
  const auto evaluated = [&] {
    return at::cross_entropy_loss(executor->predict(images), labels).item<float>();
  };
  const float trained = executor->train_step(images, labels).item<float>();
  EXPECT_GT(std::abs(evaluated() - trained), 0.01);
  // Weights stay as they are, so the running statistics come to those of this batch.
  for (int i = 0; i < 150; ++i) executor->train_step(images, labels);
  EXPECT_FLOAT_EQ(executor->train_step(images, labels).item<float>(), trained);
  EXPECT_NEAR(evaluated(), trained, 0.05);
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
      // So small because a network has kinks (ReLU, max-pooling) which a larger step would cross.
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
    // From the end to the beginning, so that communication can overlap with computing.
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
