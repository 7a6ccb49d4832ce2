// What only a GPU can show: that it computes what the CPU does, and that ranks on GPUs train
// together. Skipped where there are too few.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <vector>

#include "data/memory_files.hpp"
#include "device/transfer.hpp"
#include "executor/elements.hpp"
#include "hierevo/comm/nccl_collectives.hpp"
#include "hierevo/comm/self_collectives.hpp"
#include "hierevo/nn/batches/jpeg_batches.hpp"
#include "hierevo/nn/device/device.hpp"
#include "hierevo/nn/device/device_memory.hpp"
#include "hierevo/nn/executor/make_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "nn/network_cases.hpp"
#include "nn/small_problem.hpp"
#include "nn/thread_ranks.hpp"

namespace hierevo::nn {
namespace {

constexpr std::chrono::seconds patience(60);

c10::Device gpu(int number) {
  return {c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(number)};
}

class Gpus : public testing::Test {
 protected:
  void need(int count) {
    if (gpu_count() < count) GTEST_SKIP() << "needs " << count << " GPUs, has " << gpu_count();
  }
};

class Gpu : public Gpus {
 protected:
  void SetUp() override {
    need(1);
    if (!IsSkipped()) use_device(gpu(0));
  }
};

class TwoGpus : public Gpus {
 protected:
  void SetUp() override { need(2); }
};

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a.cpu() - b.cpu()).norm() / b.cpu().norm()).item<double>();
}

/// One step in float64 on both: loss, gradients, running statistics and predictions.
void expect_the_same_step(const Plan& plan, std::uint64_t seed) {
  const at::Tensor images = noise({8, 3, 9, 8}, seed + 1);
  const at::Tensor labels = random_labels(8, 6, seed + 2);
  const StepOptions step{.label_smoothing = 0.1, .drop_path = 0.3, .seed = seed + 3};
  const auto here = make_torch_executor(plan, at::kCPU, seed, at::kDouble);
  const auto there = make_torch_executor(plan, gpu(0), seed, at::kDouble);
  const at::Tensor loss = there->train_step(images, labels, step);
  EXPECT_TRUE(loss.is_cuda());
  EXPECT_LT(difference(loss, here->train_step(images, labels, step)), 1e-10);
  for (std::size_t i = 0; i < here->parameters().size(); ++i) {
    const NamedTensor wanted = here->parameters()[i];
    EXPECT_LT(difference(there->parameters()[i].tensor.grad(), wanted.tensor.grad()), 1e-8)
        << wanted.name;
  }
  for (std::size_t i = 0; i < here->buffers().size(); ++i) {
    EXPECT_LT(difference(there->buffers()[i].tensor, here->buffers()[i].tensor), 1e-8);
  }
  EXPECT_LT(difference(there->predict(images), here->predict(images)), 1e-8);
}

TEST_F(Gpu, MakesTheStepThatTheCpuMakes) {
  constexpr std::uint64_t genotypes = 10;  // of each space
  const ModelSpec spec{.channels = 5, .input_channels = 3, .classes = 6};
  for (const SearchSpace& space : {SearchSpace::hierarchical(), SearchSpace::flat()}) {
    for (std::uint64_t seed = 1; seed <= genotypes; ++seed) {
      SCOPED_TRACE(testing::Message() << space.name() << ", seed " << seed);
      expect_the_same_step(random_plan(space, spec, seed, 60'000), seed);
    }
  }
}

TEST_F(Gpu, RunsOutOfMemoryAtTheShareOfTheProcess) {
  constexpr std::int64_t mebibyte = 1 << 20;
  const auto take = [](std::int64_t bytes) {
    return at::empty({bytes}, at::TensorOptions(gpu(0)).dtype(at::kByte));
  };
  release_cached_memory(gpu(0));
  limit_memory(gpu(0), 256 * mebibyte);
  EXPECT_THROW(take(300 * mebibyte), c10::Error);
  { const at::Tensor most = take(200 * mebibyte); }
  // What is kept of it is no use for a larger one: it is given back.
  EXPECT_NO_THROW(take(220 * mebibyte));
  release_cached_memory(gpu(0));
  limit_memory(gpu(0), memory_of_gpu(gpu(0)));
  EXPECT_NO_THROW(take(300 * mebibyte));
}

TEST_F(Gpu, GetsTheBatchesOfTheCpu) {
  const ImageTensors data = random_images(40);
  const PixelNormalisation normalisation = normalisation_of(data);
  const TrainingOptions options{.batch = 10,
                                .crop = 8,
                                .brightness = 0.2,
                                .contrast = 0.2,
                                .cutout = 3,
                                .mixup = 0.3,
                                .cutmix = 0.5};
  const ImageTensors there = on_device(data, gpu(0));
  const auto wanted = make_training_batches(data, normalisation, options, 10, 3);
  const auto got = make_training_batches(there, normalisation, options, 10, 3);
  for (std::int64_t step = 0; step < 12; ++step) {
    const Batch batch = got->at(step, {2, 7});
    EXPECT_TRUE(batch.images.is_cuda());
    EXPECT_TRUE(batch.targets.is_cuda());
    EXPECT_LT(difference(batch.images, wanted->at(step, {2, 7}).images), 1e-5);
    EXPECT_LT(difference(batch.targets, wanted->at(step, {2, 7}).targets), 1e-6);
  }
}

TEST_F(Gpu, GetsTheDecodedBatchesOfTheCpu) {
  const test::MemoryFiles files(20);
  const PixelNormalisation normalisation{at::full({3}, 110.0F), at::full({3}, 0.02F)};
  const TrainingOptions options{.batch = 8, .crop = 16, .cutout = 3, .mixup = 0.3};
  const auto wanted = make_jpeg_training_batches(files, normalisation, options, 7, 3, 2, at::kCPU);
  const auto got = make_jpeg_training_batches(files, normalisation, options, 7, 3, 2, gpu(0));
  std::vector<Batch> batches;  // the host runs ahead
  for (std::int64_t step = 0; step < 40; ++step) batches.push_back(got->at(step, {1, 6}));
  for (std::int64_t step = 0; step < 40; ++step) {
    const Batch batch = wanted->at(step, {1, 6});
    EXPECT_LT(difference(batches[static_cast<std::size_t>(step)].images, batch.images), 1e-5);
    EXPECT_LT(difference(batches[static_cast<std::size_t>(step)].targets, batch.targets), 1e-6);
  }
  const auto tests = make_jpeg_test_batches(files, normalisation, 16, 2, gpu(0));
  const auto tests_here = make_jpeg_test_batches(files, normalisation, 16, 2, at::kCPU);
  EXPECT_LT(difference(tests->at({3, 9}).images, tests_here->at({3, 9}).images), 1e-6);
}

/// The losses of a training on `device`, with all options of a step.
std::vector<double> losses_on(c10::Device device) {
  const ImageTensors data = on_device(random_images(50), device);
  const PixelNormalisation normalisation = normalisation_of(data);
  const TrainingOptions options{.steps = 20,
                                .batch = 10,
                                .crop = 8,
                                .learning_rate = 0.01,
                                .cutout = 2,
                                .clip_norm = 1.0,
                                .micro_batches = 2,
                                .ema_decay = 0.9};
  const auto executor = make_executor(small_plan(), device, 1, options);
  const auto batches = make_training_batches(data, normalisation, options, 10, 3);
  Trainer trainer(*executor, *batches, options, 3);
  EXPECT_EQ(trainer.run({}), TrainingEnd::finished);
  EXPECT_TRUE(trainer.test(*make_test_batches(data, normalisation)).has_value());
  return trainer.state().losses;
}

TEST_F(Gpu, TrainsAsTheCpuDoes) {
  const std::vector<double> wanted = losses_on(at::kCPU);
  const std::vector<double> got = losses_on(gpu(0));
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 0.02) << i;
}

TEST_F(Gpu, TellsOfEachGradientOnceOneAfterTheOther) {
  const auto executor = make_torch_executor(small_plan(), gpu(0), 1);
  std::atomic<int> inside = 0;
  std::multiset<std::size_t> told;
  executor->on_gradient_ready([&](std::size_t parameter) {
    EXPECT_EQ(++inside, 1);
    told.insert(parameter);
    --inside;
  });
  const ImageTensors data = random_images(6);
  executor->train_step(data.pixels.to(at::kFloat), data.labels);
  const std::size_t parameters = executor->parameters().size();
  EXPECT_EQ(told.size(), parameters);
  for (std::size_t i = 0; i < parameters; ++i) EXPECT_EQ(told.count(i), 1U);
}

TEST_F(Gpu, SendsNumbersBothWays) {
  const at::Tensor values = to_device_async(at::arange(1000, at::kDouble), gpu(0));
  const AsyncScalar number(values.sum());
  values.zero_();
  EXPECT_EQ(number.value(), 499500.0);
}

TEST_F(Gpu, OfOneRankIsAGroupOfNccl) {
  comm::SelfCollectives host;
  comm::NcclCollectives group(host, nullptr, patience);
  const at::Tensor values = at::arange(100, at::TensorOptions(at::kFloat).device(gpu(0)));
  group.all_reduce(elements_of(values)).wait();
  group.broadcast(elements_of(values), 0).wait();
  group.barrier().wait();
  EXPECT_TRUE(values.cpu().equal(at::arange(100, at::kFloat)));
}

TEST_F(TwoGpus, SumWhatTheyHave) {
  as_ranks(2, [](comm::Collectives& host) {
    const auto group = make_device_collectives(host, gpu(host.rank()), patience);
    ASSERT_NE(group, nullptr);
    const auto there = at::TensorOptions(at::kFloat).device(gpu(host.rank()));
    const at::Tensor values = at::full({1000}, host.rank() + 1, there);
    group->all_reduce(elements_of(values)).wait();
    EXPECT_TRUE(values.eq(3).all().item<bool>());
  });
}

/// Losses of ranks that train together, each on its `device_of`.
template <typename DeviceOf>
std::vector<double> losses_together(int size, bool sync_batchnorm, DeviceOf device_of) {
  std::vector<double> losses;
  as_ranks(size, [&](comm::Collectives& host) {
    const c10::Device device = device_of(host.rank());
    const auto group = make_device_collectives(host, device, patience);
    const ImageTensors data = on_device(random_images(50), device);
    const PixelNormalisation normalisation = normalisation_of(data);
    const TrainingOptions options{.steps = 20,
                                  .batch = 10,
                                  .crop = 8,
                                  .learning_rate = 0.01,
                                  .sync_batchnorm = sync_batchnorm};
    const auto executor = make_torch_executor(small_plan(), device, 1);
    const auto batches = make_training_batches(data, normalisation, options, 10, 3);
    Trainer trainer(*executor, *batches, options, 3,
                    {.ranks = group ? group.get() : &host, .check_every = 5});
    trainer.run({});
    EXPECT_TRUE(trainer.test(*make_test_batches(data, normalisation)).has_value());
    if (host.rank() == 0) losses = trainer.state().losses;
  });
  return losses;
}

TEST_F(TwoGpus, TrainAsTwoCpusDo) {
  for (const bool sync_batchnorm : {false, true}) {
    const auto wanted =
        losses_together(2, sync_batchnorm, [](int) { return c10::Device(at::kCPU); });
    const auto got = losses_together(2, sync_batchnorm, gpu);
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 0.02) << i;
  }
}

}  // namespace
}  // namespace hierevo::nn
