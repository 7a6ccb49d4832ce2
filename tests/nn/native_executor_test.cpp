// The native executor against the Torch executor, over whole networks.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "genome/published_cell.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/nn/executor/make_executor.hpp"
#include "hierevo/nn/executor/native_executor.hpp"
#include "nn/network_cases.hpp"

namespace hierevo::nn {
namespace {

/// Root of the sum of squares of the differences, relative to the size of `exact`.
double distance(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& exact) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const at::Tensor wanted = exact[i].to(at::kDouble);
    difference += (found[i].to(at::kDouble) - wanted).square().sum().item<double>();
    size += wanted.square().sum().item<double>();
  }
  return std::sqrt(difference / std::max(size, 1e-30));
}

/// What a step leaves behind.
struct Outcome {
  double loss = 0;
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> statistics;
  at::Tensor logits;  ///< in evaluation mode, after the step
};

struct Batch {
  at::Tensor images;
  at::Tensor targets;
};

Outcome outcome_of(Executor& executor, const Batch& batch, const StepOptions& options = {}) {
  Outcome outcome;
  outcome.loss = executor.train_step(batch.images, batch.targets, options).item<double>();
  for (const NamedTensor& entry : executor.parameters()) {
    outcome.gradients.push_back(entry.tensor.grad().clone());
  }
  for (const NamedTensor& entry : executor.buffers()) {
    outcome.statistics.push_back(entry.tensor.clone());
  }
  outcome.logits = executor.predict(batch.images);
  return outcome;
}

Batch batch_for(const Plan& plan, std::int64_t images, std::int64_t height, std::int64_t width,
                std::uint64_t seed) {
  return {noise({images, plan.input_channels, height, width}, seed),
          random_labels(images, plan.classes, seed)};
}

/// By how much two float32 executors may differ because rounding decides on which side of 0 the
/// input of some ReLU falls, and which of two nearly equal values is the maximum; in networks this
/// small that can change much of the gradient. Mistakes do so too, but systematically.
constexpr double by_chance = 0.2;
constexpr double by_rounding = 1e-3;

/// Both executors in float32 are compared with float64: native must be about as close to it as
/// Torch. Counts comparisons of gradients, and those where nothing happened by chance.
struct Comparison {
  int all = 0;
  int close = 0;

  void add(const Plan& plan, const Batch& batch, std::uint64_t seed) {
    const auto exact = outcome_of(*make_torch_executor(plan, at::kCPU, seed, at::kDouble), batch);
    const auto torch = outcome_of(*make_torch_executor(plan, at::kCPU, seed), batch);
    for (const std::string& set : native_instruction_sets()) {
      SCOPED_TRACE(set + ", seed " + std::to_string(seed));
      const auto native = outcome_of(*make_native_executor(plan, seed, set), batch);
      EXPECT_LE(std::abs(native.loss - exact.loss),
                4 * std::abs(torch.loss - exact.loss) + by_rounding);
      EXPECT_LE(distance(native.statistics, exact.statistics),
                4 * distance(torch.statistics, exact.statistics) + by_rounding);
      EXPECT_LE(distance({native.logits}, {exact.logits}),
                4 * distance({torch.logits}, {exact.logits}) + by_rounding);
      const double ours = distance(native.gradients, exact.gradients);
      const double bound = 4 * distance(torch.gradients, exact.gradients);
      EXPECT_LE(ours, bound + by_chance);
      ++all;
      if (ours <= bound + by_rounding) ++close;
    }
  }
  void expect_mostly_close() const { EXPECT_GE(4 * close, 3 * all) << close << " of " << all; }
};

class NativeExecutor : public testing::Test {
 protected:
  NativeExecutor() { at::set_num_threads(1); }

  Plan plan_ = random_plan(SearchSpace::hierarchical(), {.channels = 4}, 1, 30'000);
  Batch batch_ = batch_for(plan_, 6, 9, 8, 1);
};

TEST_F(NativeExecutor, AgreesWithTorchOnRandomNetworks) {
  const std::vector<int> channels = {1, 2, 3, 5, 8, 11, 16, 19};
  for (const SearchSpace& space : {SearchSpace::hierarchical(), SearchSpace::flat()}) {
    SCOPED_TRACE(space.name());
    Comparison comparison;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const auto number = static_cast<int>(i);
      const ModelSpec spec{
          .channels = channels[i], .input_channels = 1 + number % 4, .classes = 2 + 3 * number};
      const Plan plan = random_plan(space, spec, i, 20'000 + 600 * channels[i] * channels[i]);
      comparison.add(plan, batch_for(plan, 2 + 3 * number, 6 + number % 5, 7 + number % 3, i), i);
    }
    comparison.expect_mostly_close();
  }
}

TEST_F(NativeExecutor, AgreesWithTorchOnThePublishedCell) {
  const Plan plan = plan_of(genome::published_cell(), ModelSpec::of(ModelKind::cifar_small));
  Comparison comparison;
  comparison.add(plan, batch_for(plan, 9, 12, 12, 1), 1);
  comparison.expect_mostly_close();
}

TEST_F(NativeExecutor, AgreesWithTorchOnTheOtherModels) {
  Comparison comparison;
  for (const ModelKind kind : {ModelKind::cifar_large, ModelKind::imagenet}) {
    for (const std::uint64_t seed : {1, 2}) {
      const ModelSpec spec{.kind = kind, .channels = 5, .cells = 2, .classes = 21};
      const Plan plan = random_plan(SearchSpace::hierarchical(), spec, seed, 100'000);
      comparison.add(plan, batch_for(plan, 3, 41, 38, seed), seed);
    }
  }
  comparison.expect_mostly_close();
}

TEST_F(NativeExecutor, AgreesWithTorchOnOneImageOfImageNetsSize) {
  const ModelSpec spec{.kind = ModelKind::imagenet, .channels = 4, .cells = 1, .classes = 1000};
  const Plan plan = random_plan(SearchSpace::hierarchical(), spec, 1, 200'000);
  Comparison comparison;
  comparison.add(plan, batch_for(plan, 1, 299, 299, 1), 1);
  comparison.expect_mostly_close();
}

TEST_F(NativeExecutor, AddsUpTheGradientOfWhatOneConvolutionReadsTwice) {
  // Both maxima are one piece, to whose gradient "e" adds two parts to what "f" has put there.
  const PlanOp maximum{
      .kind = PlanOpKind::maxpool, .operands = {1}, .name = "b", .kernel = 3, .channels = 4};
  PlanOp again = maximum;
  again.name = "c";
  const Plan plan{
      .ops = {{.kind = PlanOpKind::input, .name = "input", .channels = 3},
              {.kind = PlanOpKind::conv, .operands = {0}, .name = "a", .channels = 4},
              maximum,
              again,
              {.kind = PlanOpKind::concat, .operands = {2, 3}, .name = "d", .channels = 8},
              {.kind = PlanOpKind::conv, .operands = {4}, .name = "e", .channels = 4},
              {.kind = PlanOpKind::conv, .operands = {2}, .name = "f", .channels = 4},
              {.kind = PlanOpKind::concat, .operands = {5, 6}, .name = "g", .channels = 8},
              {.kind = PlanOpKind::global_average, .operands = {7}, .name = "h", .channels = 8},
              {.kind = PlanOpKind::linear, .operands = {8}, .name = "i", .channels = 10}}};
  const Batch batch = batch_for(plan, 6, 9, 8, 1);
  const auto exact = outcome_of(*make_torch_executor(plan, at::kCPU, 1, at::kDouble), batch);
  for (const std::string& set : native_instruction_sets()) {
    const auto native = outcome_of(*make_native_executor(plan, 1, set), batch);
    EXPECT_LE(distance(native.gradients, exact.gradients), 1e-4) << set;
  }
}

TEST_F(NativeExecutor, BeginsWithTorchsWeights) {
  const auto native = make_native_executor(plan_, 7);
  const auto torch = make_torch_executor(plan_, at::kCPU, 7);
  const auto expect_same = [](const std::vector<NamedTensor>& ours,
                              const std::vector<NamedTensor>& theirs) {
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i].name, theirs[i].name);
      EXPECT_TRUE(ours[i].tensor.equal(theirs[i].tensor)) << ours[i].name;
      EXPECT_EQ(ours[i].tensor.strides(), theirs[i].tensor.strides()) << ours[i].name;
      EXPECT_EQ(ours[i].tensor.requires_grad(), theirs[i].tensor.requires_grad());
    }
  };
  expect_same(native->parameters(), torch->parameters());
  expect_same(native->buffers(), torch->buffers());
}

TEST_F(NativeExecutor, TakesProbabilitiesAndSmoothsLabels) {
  const at::Tensor probabilities =
      at::softmax(3 * noise({batch_.images.size(0), plan_.classes}, 3), 1);
  for (const at::Tensor& targets : {batch_.targets, probabilities}) {
    const StepOptions options{.label_smoothing = 0.2};
    const auto native =
        outcome_of(*make_native_executor(plan_, 1), {batch_.images, targets}, options);
    const auto torch = outcome_of(*make_torch_executor(plan_, at::kCPU, 1, at::kDouble),
                                  {batch_.images, targets}, options);
    EXPECT_NEAR(native.loss, torch.loss, 1e-5);
    EXPECT_LE(distance(native.gradients, torch.gradients), 0.03);
  }
}

TEST_F(NativeExecutor, AddsUpPartsOfABatch) {
  const auto gradients = [&](Executor& executor) {
    std::vector<at::Tensor> found;
    executor.train_step(batch_.images.narrow(0, 0, 4), batch_.targets.narrow(0, 0, 4),
                        {.share = 4.0 / 6, .last = false});
    executor.train_step(batch_.images.narrow(0, 4, 2), batch_.targets.narrow(0, 4, 2),
                        {.share = 2.0 / 6, .first = false});
    for (const auto& [name, tensor] : executor.parameters()) found.push_back(tensor.grad().clone());
    return found;
  };
  const auto native = make_native_executor(plan_, 1);
  native->train_step(batch_.images, batch_.targets);  // leaves gradients to be replaced
  const auto fresh = make_native_executor(plan_, 1);
  const auto torch = make_torch_executor(plan_, at::kCPU, 1, at::kDouble);
  const auto found = gradients(*native);
  EXPECT_LE(distance(found, gradients(*torch)), 0.03);
  EXPECT_EQ(distance(found, gradients(*fresh)), 0.0);
}

TEST_F(NativeExecutor, AddsToGradientsThatOthersPutThere) {
  const auto executor = make_native_executor(plan_, 1);
  const auto parameters = executor->parameters();
  executor->train_step(batch_.images, batch_.targets);
  const at::Tensor alone = parameters[0].tensor.grad().clone();
  at::Tensor first = parameters[0].tensor;
  first.mutable_grad() = at::ones_like(first);
  at::Tensor second = parameters[1].tensor;
  second.mutable_grad().reset();
  executor->train_step(batch_.images, batch_.targets, {.first = false});
  EXPECT_TRUE(first.grad().allclose(alone + 1, 1e-5, 1e-6));
  executor->train_step(batch_.images, batch_.targets);
  EXPECT_TRUE(first.grad().equal(alone));
}

TEST_F(NativeExecutor, TellsOfCompleteGradientsWithTheLastPart) {
  const auto executor = make_native_executor(plan_, 1);
  const auto parameters = executor->parameters();
  std::vector<at::Tensor> seen(parameters.size());
  executor->on_gradient_ready([&](std::size_t i) {
    EXPECT_FALSE(seen[i].defined()) << parameters[i].name << " twice";
    seen[i] = parameters[i].tensor.grad().clone();
  });
  executor->train_step(batch_.images, batch_.targets, {.share = 0.5, .last = false});
  EXPECT_FALSE(seen[0].defined());
  executor->train_step(batch_.images, batch_.targets, {.share = 0.5, .first = false});
  for (std::size_t i = 0; i < seen.size(); ++i) {
    ASSERT_TRUE(seen[i].defined()) << parameters[i].name;
    EXPECT_TRUE(seen[i].equal(parameters[i].tensor.grad())) << parameters[i].name;
  }
}

TEST_F(NativeExecutor, TakesImagesOfAnyTypeAndLayout) {
  const auto executor = make_native_executor(plan_, 1);
  const at::Tensor expected = executor->predict(batch_.images.to(at::kFloat));
  for (const at::Tensor& images :
       {batch_.images, batch_.images.contiguous(at::MemoryFormat::ChannelsLast),
        batch_.images.flip(3).contiguous().flip(3),
        batch_.images.transpose(2, 3).contiguous().transpose(2, 3)}) {
    EXPECT_TRUE(executor->predict(images).equal(expected));
  }
}

TEST_F(NativeExecutor, RefusesWhatItCannotDo) {
  const auto executor = make_native_executor(plan_, 1);
  const auto step = [&](const StepOptions& options) {
    executor->train_step(batch_.images, batch_.targets, options);
  };
  EXPECT_THROW(step({.drop_path = 0.1}), core::InternalError);
  EXPECT_THROW(step({.bf16 = true}), core::InternalError);
  EXPECT_THROW(executor->predict(batch_.images.narrow(1, 0, 2)), core::InternalError);
  EXPECT_THROW(executor->train_step(batch_.images, batch_.targets + plan_.classes),
               c10::IndexError);
  EXPECT_THROW(executor->train_step(batch_.images, batch_.targets.narrow(0, 0, 2)),
               c10::ValueError);
  EXPECT_THROW(make_native_executor(plan_, 1, "avx1024"), core::UsageError);
}

TEST_F(NativeExecutor, IsWhatTrainsOnACpuUnlessTorchIsNeeded) {
  const auto is_native = [&](const TrainingOptions& options) {
    try {
      make_executor(plan_, at::kCPU, 1, options)
          ->train_step(batch_.images, batch_.targets, {.drop_path = 0.5});
      return false;
    } catch (const core::InternalError&) {
      return true;
    }
  };
  EXPECT_TRUE(is_native({}));
  EXPECT_FALSE(is_native({.drop_path = 0.5}));
  EXPECT_FALSE(is_native({.bf16 = true}));
}

}  // namespace
}  // namespace hierevo::nn
