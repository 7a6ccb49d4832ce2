// What each option of a training step does to loss and gradient, by its formula.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <gtest/gtest.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "hierevo/nn/executor/torch_executor.hpp"
#include "nn/small_problem.hpp"
#include "support/chi_square.hpp"
#include "training/sgd.hpp"

namespace hierevo::nn {
namespace {

class StepOptionsTest : public testing::Test {
 protected:
  StepOptionsTest() { at::set_num_threads(1); }

  /// The same network every time, in float64 so that sums can be compared closely.
  static std::unique_ptr<Executor> network(c10::ScalarType type = at::kDouble) {
    return make_torch_executor(small_plan(4), at::kCPU, 1, type);
  }
  double loss(const at::Tensor& targets, const StepOptions& options = {}) const {
    return network()->train_step(images_, targets, options).item<double>();
  }
  at::Tensor probabilities(double value) const { return at::full({6, 4}, value, at::kDouble); }

  at::Tensor images_ =
      at::randn({6, 1, 8, 8}, at::make_generator<at::CPUGeneratorImpl>(2), at::kDouble);
  at::Tensor labels_ = at::tensor({0, 3, 1, 2, 2, 0}, at::kLong);
};

TEST_F(StepOptionsTest, ProbabilitiesAreTargetsLikeLabels) {
  const at::Tensor sure = at::one_hot(labels_, 4).to(at::kDouble);
  EXPECT_NEAR(loss(sure), loss(labels_), 1e-12);
  // The loss is linear in the targets.
  const at::Tensor others = at::one_hot(labels_.flip(0), 4).to(at::kDouble);
  EXPECT_NEAR(loss(sure * 0.3 + others * 0.7), 0.3 * loss(labels_) + 0.7 * loss(labels_.flip(0)),
              1e-12);
}

TEST_F(StepOptionsTest, LabelSmoothingSpreadsAShareOverAllClasses) {
  const double wanted = 0.8 * loss(labels_) + 0.2 * loss(probabilities(0.25));
  EXPECT_NEAR(loss(labels_, {.label_smoothing = 0.2}), wanted, 1e-12);
  const at::Tensor sure = at::one_hot(labels_, 4).to(at::kDouble);
  EXPECT_NEAR(loss(sure, {.label_smoothing = 0.2}), wanted, 1e-12);
}

TEST_F(StepOptionsTest, PartsOfABatchAddUpByTheirShare) {
  const auto whole = network();
  whole->train_step(images_.narrow(0, 0, 4), labels_.narrow(0, 0, 4), {.share = 4.0 / 6});
  whole->train_step(images_.narrow(0, 4, 2), labels_.narrow(0, 4, 2),
                    {.share = 2.0 / 6, .first = false});
  // Batch normalisation makes each part depend on its own images, so parts are compared with parts.
  const auto first = network();
  first->train_step(images_.narrow(0, 0, 4), labels_.narrow(0, 0, 4));
  const auto second = network();
  second->train_step(images_.narrow(0, 4, 2), labels_.narrow(0, 4, 2));
  for (std::size_t i = 0; i < whole->parameters().size(); ++i) {
    const auto gradient = [i](Executor& of) { return of.parameters()[i].tensor.grad(); };
    const at::Tensor wanted = gradient(*first) * (4.0 / 6) + gradient(*second) * (2.0 / 6);
    EXPECT_TRUE(at::allclose(gradient(*whole), wanted, 1e-12, 1e-14))
        << whole->parameters()[i].name;
  }
}

TEST_F(StepOptionsTest, GradientsAreReadyWithTheLastPartOnly) {
  const auto executor = network();
  std::size_t ready = 0;
  executor->on_gradient_ready([&ready](std::size_t) { ++ready; });
  executor->train_step(images_, labels_, {.last = false});
  EXPECT_EQ(ready, 0U);
  executor->train_step(images_, labels_, {.first = false});
  EXPECT_EQ(ready, executor->parameters().size());
}

/// What Torch computes with bfloat16, and with float32, while this lives: names of the operations
/// called from outside Torch, and by autograd. Not by at::RecordFunction: without NDEBUG its
/// members differ from those in Torch's libraries.
class RecordedTypes {
 public:
  RecordedTypes() {
    bf16.clear();
    float32.clear();
    instead_.fallback(torch::CppFunction::makeFromBoxedFunction<&RecordedTypes::record>());
  }

  static inline std::set<std::string> bf16;
  static inline std::set<std::string> float32;

 private:
  static constexpr c10::DispatchKey key = c10::DispatchKey::TESTING_ONLY_GenericMode;

  static void add(const std::string& function, const at::Tensor& input) {
    if (!input.defined()) return;
    if (input.scalar_type() == at::kBFloat16) bf16.insert(function);
    if (input.scalar_type() == at::kFloat) float32.insert(function);
  }
  /// In place of every operation: records its inputs, and executes it.
  static void record(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
    const std::string& function = operation.schema().name();
    for (const c10::IValue& input :
         torch::jit::last(*stack, operation.schema().arguments().size())) {
      if (input.isTensor()) add(function, input.toTensor());
      if (!input.isTensorList()) continue;
      for (const at::Tensor& one : input.toTensorVector()) add(function, one);
    }
    const c10::impl::ExcludeDispatchKeyGuard itself(key);
    operation.callBoxed(stack);
  }

  torch::Library instead_{torch::Library::IMPL, "_", key, __FILE__, __LINE__};
  c10::impl::IncludeDispatchKeyGuard recording_{key};
};

TEST_F(StepOptionsTest, Bf16RoundsWhatIsMultipliedAndNothingElse) {
  const auto executor = network(at::kFloat);
  const RecordedTypes recorded;
  executor->train_step(images_, labels_, {.bf16 = true});
  for (const char* product : {"aten::conv2d", "aten::convolution_backward", "aten::linear"}) {
    EXPECT_EQ(recorded.bf16.count(product), 1U) << product;
    EXPECT_EQ(recorded.float32.count(product), 0U) << product;
  }
  for (const char* other : {"aten::batch_norm", "aten::native_batch_norm_backward", "aten::relu_",
                            "aten::max_pool2d", "aten::mean", "aten::cross_entropy_loss"}) {
    EXPECT_EQ(recorded.float32.count(other), 1U) << other;
    EXPECT_EQ(recorded.bf16.count(other), 0U) << other;
  }
}

TEST_F(StepOptionsTest, Bf16ChangesLossAndGradientByNoMoreThanItsRounding) {
  const auto full = network(at::kFloat);
  const auto narrow = network(at::kFloat);
  const double exact = full->train_step(images_, labels_).item<double>();
  const double rounded = narrow->train_step(images_, labels_, {.bf16 = true}).item<double>();
  EXPECT_NE(exact, rounded);
  EXPECT_NEAR(exact, rounded, 0.03 * exact);  // bfloat16 has 8 bits
  // Rounding moves a ReLU here and there, so the gradient is compared as a whole.
  const auto gradient = [](Executor& of) {
    std::vector<at::Tensor> parts;
    for (const auto& [name, parameter] : of.parameters()) {
      EXPECT_EQ(parameter.scalar_type(), at::kFloat) << name;
      EXPECT_EQ(parameter.grad().scalar_type(), at::kFloat) << name;
      parts.push_back(parameter.grad().reshape({-1}));
    }
    return at::cat(parts);
  };
  EXPECT_GT(at::cosine_similarity(gradient(*full), gradient(*narrow), 0).item<double>(), 0.9);
  EXPECT_TRUE(full->predict(images_).sizes() == narrow->predict(images_).sizes());
}

TEST_F(StepOptionsTest, DropPathDropsEachPathOfEachImageIndependently) {
  // Two paths into the concatenation of each of three cells. Outcomes are told apart by their loss.
  // The most frequent ones: all six paths kept; all paths of some cell dropped, which leaves
  // nothing of the image; one path dropped and the others kept, which is six outcomes.
  const StepOptions none{};
  const at::Tensor image = images_.narrow(0, 0, 1);
  const at::Tensor label = labels_.narrow(0, 0, 1);
  std::map<double, int> outcomes;
  constexpr int draws = 2000;
  const auto executor = network();
  for (int i = 0; i < draws; ++i) {
    const StepOptions options{.drop_path = 0.25, .seed = static_cast<std::uint64_t>(i)};
    ++outcomes[executor->train_step(image, label, options).item<double>()];
  }
  std::vector<double> counts;
  for (const auto& [value, count] : outcomes) counts.push_back(count);
  std::sort(counts.rbegin(), counts.rend());
  ASSERT_EQ(counts.size(), 28U);  // 3³ with something kept in every cell, and nothing
  counts.resize(8);
  counts.push_back(draws - std::accumulate(counts.begin(), counts.end(), 0.0));
  const double one_dropped = std::pow(0.75, 5) * 0.25 * draws;
  std::vector<double> expected = {std::pow(0.75, 6) * draws,
                                  (1.0 - std::pow(1.0 - 0.25 * 0.25, 3)) * draws};
  expected.resize(8, one_dropped);
  expected.push_back(draws - std::accumulate(expected.begin(), expected.end(), 0.0));
  EXPECT_GT(test::chi_square_p(counts, expected), 1e-4);
  EXPECT_EQ(executor->train_step(image, label, none).item<double>(),
            network()->train_step(image, label, none).item<double>());
}

/// One parameter of two dimensions and one of one, with given gradients.
struct TwoParameters {
  at::Tensor matrix = at::full({2, 2}, 1.0, at::kDouble).set_requires_grad(true);
  at::Tensor vector = at::full({4}, 2.0, at::kDouble).set_requires_grad(true);

  TwoParameters() {
    matrix.mutable_grad() = at::full({2, 2}, 3.0, at::kDouble);
    vector.mutable_grad() = at::full({4}, 4.0, at::kDouble);
  }
  void step(const Sgd::Options& options) {
    Sgd({{"matrix", matrix}, {"vector", vector}}, options).step(0.1);
  }
  double in_matrix() const { return matrix[0][0].item<double>(); }
  double in_vector() const { return vector[0].item<double>(); }
};

TEST(Sgd, DecaysNormsAndBiasesOnlyWhenAskedTo) {
  TwoParameters all;
  all.step({.weight_decay = 0.5});
  EXPECT_NEAR(all.in_matrix(), 1.0 - 0.1 * (3.0 + 0.5 * 1.0), 1e-12);
  EXPECT_NEAR(all.in_vector(), 2.0 - 0.1 * (4.0 + 0.5 * 2.0), 1e-12);
  TwoParameters some;
  some.step({.weight_decay = 0.5, .decay_norms = false});
  EXPECT_NEAR(some.in_matrix(), 1.0 - 0.1 * (3.0 + 0.5 * 1.0), 1e-12);
  EXPECT_NEAR(some.in_vector(), 2.0 - 0.1 * 4.0, 1e-12);
}

TEST(Sgd, ClipsTheNormOfAllGradientsTogetherBeforeTheDecay) {
  TwoParameters clipped;  // the norm is √(4·9 + 4·16) = 10
  clipped.step({.weight_decay = 0.5, .clip_norm = 5.0});
  EXPECT_NEAR(clipped.in_matrix(), 1.0 - 0.1 * (1.5 + 0.5), 1e-12);
  EXPECT_NEAR(clipped.in_vector(), 2.0 - 0.1 * (2.0 + 1.0), 1e-12);
  TwoParameters not_clipped;
  not_clipped.step({.clip_norm = 10.5});
  EXPECT_NEAR(not_clipped.in_matrix(), 1.0 - 0.1 * 3.0, 1e-12);
}

}  // namespace
}  // namespace hierevo::nn
