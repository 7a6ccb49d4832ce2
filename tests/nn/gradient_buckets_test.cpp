// Ranks with parts of a batch have the gradient that one rank has of the whole batch.
#include "training/gradient_buckets.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/executor/native_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "nn/network_cases.hpp"
#include "nn/thread_ranks.hpp"

namespace hierevo::nn {
namespace {

constexpr std::size_t small_buckets = 4096;  // bytes, so that there are several

struct Case {
  Plan plan;
  at::Tensor images;
  at::Tensor labels;
  StepOptions step{};
};

Case case_of(const SearchSpace& space, std::int64_t batch) {
  const ModelSpec spec{.channels = 5, .input_channels = 3, .classes = 6};
  return {random_plan(space, spec, 4, 60'000), noise({batch, 3, 9, 8}, 5),
          random_labels(batch, 6, 6)};
}

/// All gradients in a row, float64.
at::Tensor gradient_of(Executor& executor) {
  std::vector<at::Tensor> parts;
  for (const NamedTensor& parameter : executor.parameters()) {
    parts.push_back(parameter.tensor.grad().reshape({-1}).to(at::kDouble));
  }
  return at::cat(parts).clone();
}

using MakeExecutor = std::function<std::unique_ptr<Executor>(const Plan&)>;

MakeExecutor torch(c10::ScalarType type) {
  return [type](const Plan& plan) { return make_torch_executor(plan, at::kCPU, 1, type); };
}

std::unique_ptr<Executor> native(const Plan& plan) {
  return make_native_executor(plan, 1);
}

struct Together {
  at::Tensor gradient;
  std::vector<NamedTensor> buffers;
};

/// The gradient of `size` ranks, all of which must have the same bits.
Together together(const Case& of, const MakeExecutor& make, int size, bool sync_batchnorm,
                  GradientBuckets::Options options = {.bytes = small_buckets}) {
  std::vector<Together> results(static_cast<std::size_t>(size));
  as_ranks(size, [&](comm::Collectives& ranks) {
    const auto executor = make(of.plan);
    GradientBuckets buckets(*executor, ranks, options);
    EXPECT_GT(buckets.count(), 1U);
    const std::int64_t batch = of.images.size(0);
    const data::ImageRange own = data::part_of(batch, ranks.rank(), ranks.size());
    for (int round = 0; round < 2; ++round) {  // nothing left of a step changes the next
      StepOptions step = of.step;
      step.share = static_cast<double>(own.count) / static_cast<double>(batch);
      step.first_image = own.first;
      if (sync_batchnorm) step.norm_ranks = &ranks;
      buckets.begin();
      if (own.count > 0) {
        executor->train_step(of.images.narrow(0, own.first, own.count),
                             of.labels.narrow(0, own.first, own.count), step);
      }
      buckets.close();
      buckets.finish();
    }
    results[static_cast<std::size_t>(ranks.rank())] = {gradient_of(*executor), executor->buffers()};
  });
  for (const Together& other : results) EXPECT_TRUE(other.gradient.equal(results[0].gradient));
  return results[0];
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

at::Tensor alone(const Case& of, const MakeExecutor& make) {
  const auto executor = make(of.plan);
  executor->train_step(of.images, of.labels, of.step);
  return gradient_of(*executor);
}

/// Makes its steps on its own thread and waits for it, as Torch does on a GPU.
class OnAnotherThread final : public Executor {
 public:
  explicit OnAnotherThread(std::unique_ptr<Executor> executor) : executor_(std::move(executor)) {}

  at::Tensor train_step(const at::Tensor& images, const at::Tensor& targets,
                        const StepOptions& options) override {
    at::Tensor loss;
    std::thread([&] {
      at::set_num_threads(1);
      loss = executor_->train_step(images, targets, options);
    }).join();
    return loss;
  }
  at::Tensor predict(const at::Tensor& images) override { return executor_->predict(images); }
  std::vector<NamedTensor> parameters() override { return executor_->parameters(); }
  std::vector<NamedTensor> buffers() override { return executor_->buffers(); }
  void place_gradients(std::vector<at::Tensor> memory) override {
    executor_->place_gradients(std::move(memory));
  }
  void on_gradient_ready(std::function<void(std::size_t)> callback) override {
    executor_->on_gradient_ready(std::move(callback));
  }

 private:
  std::unique_ptr<Executor> executor_;
};

TEST(Gradients, MayBecomeReadyOnAThreadThatTheCallerWaitsFor) {
  const Case of = case_of(SearchSpace::flat(), 11);
  const MakeExecutor there = [](const Plan& plan) {
    return std::make_unique<OnAnotherThread>(torch(at::kFloat)(plan));
  };
  const at::Tensor wanted = together(of, torch(at::kFloat), 3, true).gradient;
  EXPECT_TRUE(together(of, there, 3, true).gradient.equal(wanted));
}

TEST(Gradients, ThatCannotBeSentEndTheStepWithTheError) {
  const Case of = case_of(SearchSpace::flat(), 4);
  const auto executor = torch(at::kFloat)(of.plan);
  executor->on_gradient_ready(
      [](std::size_t) { throw core::CommunicationError(1, "it has ended", ""); });
  EXPECT_THROW(executor->train_step(of.images, of.labels, of.step), core::CommunicationError);
}

TEST(Gradients, OfRanksWithSynchronisedNormsAreThoseOfTheWholeBatch) {
  for (const SearchSpace& space : {SearchSpace::hierarchical(), SearchSpace::flat()}) {
    const Case of = case_of(space, 11);
    const at::Tensor exact = alone(of, torch(at::kDouble));
    for (const int ranks : {2, 3, 4}) {
      SCOPED_TRACE(fmt::format("{} {}", space.name(), ranks));
      EXPECT_LT(difference(together(of, torch(at::kDouble), ranks, true).gradient, exact), 1e-10);
      EXPECT_LT(difference(together(of, torch(at::kFloat), ranks, true).gradient, exact), 1e-5);
    }
  }
}

TEST(Gradients, SynchronisedNormsKeepTheRunningStatisticsOfTheWholeBatch) {
  const Case of = case_of(SearchSpace::flat(), 10);
  const auto whole = make_torch_executor(of.plan, at::kCPU, 1, at::kDouble);
  for (int round = 0; round < 2; ++round) whole->train_step(of.images, of.labels, of.step);
  const std::vector<NamedTensor> got = together(of, torch(at::kDouble), 3, true).buffers;
  const std::vector<NamedTensor> wanted = whole->buffers();
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_TRUE(at::allclose(got[i].tensor, wanted[i].tensor, 1e-10, 1e-12)) << got[i].name;
  }
}

TEST(Gradients, OfRanksWithFrozenNormsAreThoseOfTheWholeBatch) {
  for (const SearchSpace& space : {SearchSpace::hierarchical(), SearchSpace::flat()}) {
    for (const std::int64_t batch : {2, 7, 12}) {  // of 2, some ranks have none
      Case of = case_of(space, batch);
      of.step.frozen_norms = true;
      of.step.label_smoothing = 0.1;
      of.step.drop_path = 0.3;
      of.step.seed = 8;
      const at::Tensor exact = alone(of, torch(at::kDouble));
      for (const int ranks : {2, 3, 4}) {
        SCOPED_TRACE(fmt::format("{} {} {}", space.name(), batch, ranks));
        EXPECT_LT(difference(together(of, torch(at::kDouble), ranks, false).gradient, exact),
                  1e-12);
        EXPECT_LT(difference(together(of, torch(at::kFloat), ranks, false).gradient, exact), 1e-5);
      }
    }
  }
}

TEST(Gradients, FrozenNormsLeaveTheRunningStatistics) {
  Case of = case_of(SearchSpace::flat(), 4);
  of.step.frozen_norms = true;
  const auto executor = make_torch_executor(of.plan, at::kCPU, 1);
  executor->train_step(of.images, of.labels, of.step);
  for (const auto& [name, buffer] : executor->buffers()) {
    const double begun = name.ends_with("var") ? 1.0 : 0.0;
    EXPECT_TRUE(buffer.eq(begun).all().item<bool>()) << name;
  }
}

TEST(Gradients, OfRanksAreThoseOfOneThatComputesTheSameParts) {
  for (const MakeExecutor& make : {MakeExecutor(native), torch(at::kFloat)}) {
    const Case of = case_of(SearchSpace::hierarchical(), 13);
    for (const int ranks : {2, 3, 4}) {
      const auto executor = make(of.plan);
      for (int part = 0; part < ranks; ++part) {
        const data::ImageRange range = data::part_of(13, part, ranks);
        executor->train_step(of.images.narrow(0, range.first, range.count),
                             of.labels.narrow(0, range.first, range.count),
                             {.share = static_cast<double>(range.count) / 13,
                              .first = part == 0,
                              .last = part + 1 == ranks});
      }
      EXPECT_LT(difference(together(of, make, ranks, false).gradient, gradient_of(*executor)),
                1e-6);
    }
  }
}

TEST(Gradients, CompressedAreRoundedAndTheSameOnAllRanks) {
  const Case of = case_of(SearchSpace::flat(), 9);
  const GradientBuckets::Options compressed{.bytes = small_buckets, .compress = true};
  const at::Tensor exact = together(of, native, 3, false).gradient;
  const double error = difference(together(of, native, 3, false, compressed).gradient, exact);
  EXPECT_GT(error, 1e-5);
  EXPECT_LT(error, 1e-2);  // 8 bits
}

/// Reports the gradients, all 5, of two of its three parameters as ready.
class OneUnused final : public Executor {
 public:
  using Executor::train_step;
  at::Tensor train_step(const at::Tensor&, const at::Tensor&, const StepOptions&) override {
    for (at::Tensor& gradient : gradients_) gradient.fill_(5.0);
    for (const std::size_t i : {2, 0}) ready_(i);
    return at::zeros({});
  }
  at::Tensor predict(const at::Tensor&) override { return {}; }
  std::vector<NamedTensor> parameters() override {
    return {{"a", weights_[0]}, {"b", weights_[1]}, {"c", weights_[2]}};
  }
  std::vector<NamedTensor> buffers() override { return {}; }
  void place_gradients(std::vector<at::Tensor> memory) override { gradients_ = std::move(memory); }
  void on_gradient_ready(std::function<void(std::size_t)> callback) override {
    ready_ = std::move(callback);
  }

  std::vector<at::Tensor> weights_ = {at::zeros({20}), at::zeros({70'000}), at::zeros({3, 4})};
  std::vector<at::Tensor> gradients_;
  std::function<void(std::size_t)> ready_;
};

TEST(Gradients, ThatAreNeverReadyCountAsZeroAndKeepNobodyWaiting) {
  as_ranks(3, [](comm::Collectives& ranks) {
    OneUnused executor;
    GradientBuckets buckets(executor, ranks, {});
    EXPECT_EQ(buckets.count(), 3U);
    buckets.begin();
    if (ranks.rank() != 1) executor.train_step({}, {});
    buckets.close();
    buckets.finish();
    EXPECT_TRUE(executor.gradients_[0].eq(10.0).all().item<bool>());
    EXPECT_TRUE(executor.gradients_[1].eq(0.0).all().item<bool>());
    EXPECT_TRUE(executor.gradients_[2].eq(10.0).all().item<bool>());
  });
}

}  // namespace
}  // namespace hierevo::nn
