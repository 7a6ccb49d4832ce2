// Operations of the Torch executor, against slow, obvious arithmetic.
#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/network_cases.hpp"

namespace hierevo::nn {
namespace {

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

/// For images [N, C, H, W]: each output plane comes from one input plane (depthwise, pooling) or is
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
  // Weights stay as they are, so the running statistics approach those of this batch.
  for (int i = 0; i < 60; ++i) executor->train_step(images, labels);
  EXPECT_FLOAT_EQ(executor->train_step(images, labels).item<float>(), trained);
  EXPECT_NEAR(evaluated(), trained, 0.05);
}

}  // namespace
}  // namespace hierevo::nn
