// Which device a rank gets, and what is copied between host and device; nothing here needs a GPU.
#include "hierevo/nn/device/device.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "device/transfer.hpp"
#include "hierevo/comm/agreement.hpp"
#include "hierevo/comm/self_collectives.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/nn/device/device_memory.hpp"
#include "hierevo/nn/executor/make_executor.hpp"
#include "nn/small_problem.hpp"
#include "nn/thread_ranks.hpp"
#include "support/refusal.hpp"

namespace hierevo::nn {
namespace {

constexpr std::chrono::seconds patience(60);

TEST(Device, IsTheCpuWhereThereIsNoGpu) {
  for (const auto sharing : {GpuSharing::refused, GpuSharing::allowed}) {
    EXPECT_TRUE(device_of_rank({.rank = 3, .ranks = 4}, sharing, 0).is_cpu());
  }
}

TEST(MemoryShare, LeavesRoomForAllProcesses) {
  core::RandomStream random(3);
  constexpr std::int64_t gibibyte = std::int64_t{1} << 30;
  for (int i = 0; i < 1000; ++i) {
    const auto bytes = static_cast<std::int64_t>(random.below(200 * gibibyte));
    const int processes = 1 + static_cast<int>(random.below(64));
    const std::int64_t share = memory_share(bytes, processes);
    ASSERT_GE(share, 0);
    if (share == 0) {
      ASSERT_LE(bytes / processes, gibibyte);
      continue;
    }
    // Each also has a context and more, of about half a gibibyte.
    ASSERT_LE(processes * (share + gibibyte / 2), bytes);
    ASSERT_GE(processes * (share + gibibyte + 1), bytes);
  }
}

TEST(MemoryShare, CannotBeHadWithoutCuda) {
  if (gpu_count() > 0) GTEST_SKIP() << "there is a GPU";
  EXPECT_NO_THROW(release_cached_memory(at::kCPU));
  const c10::Device gpu(c10::DeviceType::CUDA, 0);
  EXPECT_ANY_THROW(memory_of_gpu(gpu));
  EXPECT_ANY_THROW(limit_memory(gpu, 1));
}

TEST(Device, IsTheGpuOfTheRanksNumberOnItsNode) {
  for (const int rank : {0, 1, 3}) {
    const c10::Device device = device_of_rank({.rank = rank, .ranks = 4}, GpuSharing::refused, 4);
    EXPECT_TRUE(device.is_cuda());
    EXPECT_EQ(device.index(), rank);
    EXPECT_EQ(device_text(device), "GPU " + std::to_string(rank));
  }
  EXPECT_EQ(device_text(at::kCPU), "the CPU");
}

TEST(Device, IsTheFirstOneOfARanksOwnGpus) {
  const LocalRank rank{.rank = 3, .ranks = 4, .own_gpus = true};
  EXPECT_EQ(device_of_rank(rank, GpuSharing::refused, 1).index(), 0);
}

TEST(Device, IsSharedOnlyWhereThatIsAllowed) {
  EXPECT_EQ(device_of_rank({.rank = 5, .ranks = 6}, GpuSharing::allowed, 4).index(), 1);
  EXPECT_ERROR(device_of_rank({.rank = 1, .ranks = 6}, GpuSharing::refused, 4),
               "6 ranks of this node see 4 GPUs (ranks that train one network need one GPU each). "
               "Start at most 4 on a node; where the launcher shows each rank a GPU of its own "
               "(srun --gpus-per-task=1), set HIEREVO_DEVICES=own.");
  // A launcher that does not give the number of ranks.
  EXPECT_ERROR(device_of_rank({.rank = 2, .ranks = 1}, GpuSharing::refused, 1),
               "3 ranks of this node see 1 GPU (");
}

TEST(Device, OfThisProcessCanBeComputedOn) {
  const c10::Device device = device_of_rank({}, GpuSharing::refused);
  use_device(device);
  const auto executor = make_executor(small_plan(), device, 1, {});
  const ImageTensors data = random_images(4);
  const at::Tensor loss = executor->train_step(data.pixels.to(at::kFloat), data.labels);
  EXPECT_EQ(loss.device(), device);
  EXPECT_TRUE(at::isfinite(loss).item<bool>());
}

TEST(DeviceCollectives, AreTheHostsOwnForCpusAndForOneRank) {
  as_ranks(2, [](comm::Collectives& host) {
    EXPECT_EQ(make_device_collectives(host, at::kCPU, patience), nullptr);
  });
  comm::SelfCollectives alone;
  EXPECT_EQ(make_device_collectives(alone, c10::Device(at::kCUDA, 0), patience), nullptr);
}

TEST(DeviceCollectives, AreRefusedByAllRanksWhereOnlySomeHaveAGpu) {
  std::mutex mutex;
  std::vector<std::string> said(3);
  as_ranks(3, [&](comm::Collectives& host) {
    const c10::Device device = host.rank() == 1 ? c10::Device(at::kCUDA, 0) : at::kCPU;
    try {
      make_device_collectives(host, device, patience);
    } catch (const comm::AgreedError& error) {
      const std::scoped_lock lock(mutex);
      said[static_cast<std::size_t>(host.rank())] = error.what();
    }
  });
  for (const std::string& error : said) {
    EXPECT_EQ(error.find("Rank 0 computes on a CPU, and rank 1 on a GPU (all ranks"), 0U) << error;
  }
}

TEST(Transfer, LeavesOnTheCpuWhatStaysThere) {
  const at::Tensor values = at::tensor({1.0, 2.0});
  EXPECT_TRUE(to_device_async(values, at::kCPU).is_same(values));
}

TEST(Transfer, KeepsANumberWhoseMemoryIsUsedAgain) {
  const at::Tensor values = at::tensor({1.0, 2.5}, at::kDouble);
  const AsyncScalar number(values[1]);
  values.zero_();
  EXPECT_EQ(number.value(), 2.5);
}

}  // namespace
}  // namespace hierevo::nn
