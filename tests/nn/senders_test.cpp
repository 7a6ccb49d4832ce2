// What is sent arrives, in as few copies as promised, and no memory is used again while a device
// may still read it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "batches/crop_sender.hpp"
#include "batches/packed_sender.hpp"
#include "hierevo/core/error.hpp"
#include "nn/recorded_queues.hpp"

namespace hierevo::nn {
namespace {

std::vector<at::Tensor> random_tensors(core::RandomStream& random) {
  std::vector<at::Tensor> tensors;
  const auto below = [&random](std::uint64_t end) {
    return static_cast<std::int64_t>(random.below(end));
  };
  const std::vector<at::ScalarType> types = {at::kLong, at::kFloat, at::kBool};
  for (std::int64_t i = 1 + below(6); i > 0; --i) {
    const at::Tensor numbers = at::arange(below(40)) * below(1000) - 77;
    const auto type = types[random.below(types.size())];
    tensors.push_back(random.below(2) == 0 ? numbers.to(type)
                                           : numbers.repeat({3, 1}).to(type).contiguous());
  }
  return tensors;
}

void expect_equal(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].scalar_type(), wanted[i].scalar_type());
    EXPECT_TRUE(got[i].equal(wanted[i])) << i;
  }
}

TEST(PackedSender, SendsAllTensorsByOneCopy) {
  core::RandomStream random(1);
  for (std::uint64_t round = 0; round < 100; ++round) {
    const auto device = std::make_shared<RecordedQueues>(round);
    PackedSender sender(device);
    std::vector<std::vector<at::Tensor>> sent;
    for (int batch = 1; batch <= 10; ++batch) {
      const std::vector<at::Tensor> tensors = random_tensors(random);
      const std::vector<at::Tensor> there = sender.send(tensors);
      EXPECT_EQ(device->copies, batch);
      // Read when the device comes to it.
      device->start(DeviceQueue::compute, [there, tensors] { expect_equal(there, tensors); });
      for (std::uint64_t i = random.below(6); i > 0; --i) device->work();
    }
    device->finish();
  }
}

TEST(PackedSender, NeverWaitsAndUsesMemoryAgainThatHasBeenRead) {
  const auto device = std::make_shared<RecordedQueues>();
  device->works_when_asked = false;
  PackedSender sender(device);
  const std::vector<at::Tensor> tensors = {at::arange(100), at::ones({7, 3})};
  for (int batch = 0; batch < 5; ++batch) sender.send(tensors);  // the device stands still
  EXPECT_EQ(device->pinned.size(), 5U);
  device->finish();
  for (int batch = 0; batch < 50; ++batch) {
    sender.send(tensors);
    device->finish();
  }
  EXPECT_EQ(device->pinned.size(), 5U);
}

TEST(PackedSender, LeavesTensorsOnTheCpu) {
  PackedSender sender(nullptr);
  const std::vector<at::Tensor> tensors = {at::arange(3), at::ones({2})};
  const std::vector<at::Tensor> same = sender.send(tensors);
  EXPECT_TRUE(same[0].is_same(tensors[0]));
  EXPECT_TRUE(same[1].is_same(tensors[1]));
}

PinnedBuffers::Buffer filled(CropSender& sender, std::int64_t bytes, int value) {
  auto buffer = sender.host_memory(static_cast<std::size_t>(bytes));
  std::memset(buffer.get(), value, static_cast<std::size_t>(bytes));
  return buffer;
}

/// The host may be several batches ahead, decoded batches may be dropped, and the queues of the
/// device proceed in any order that they are free to.
TEST(CropSender, EveryBatchIsReadAsItWasDecoded) {
  core::RandomStream random(2);
  for (std::uint64_t round = 0; round < 300; ++round) {
    const auto device = std::make_shared<RecordedQueues>(round);
    CropSender sender(device);
    int read = 0;
    for (int batch = 0; batch < 30; ++batch) {
      const auto bytes = static_cast<std::int64_t>(1 + random.below(round % 2 == 0 ? 1 : 50) + 20);
      auto pixels = filled(sender, bytes, batch);
      if (random.below(5) == 0) filled(sender, bytes, 255);  // not needed after all
      const at::Tensor there = sender.send(std::move(pixels), bytes);
      ASSERT_EQ(there.numel(), bytes);
      device->start(DeviceQueue::compute, [&read, there, batch] {
        EXPECT_TRUE(there.eq(batch).all().item<bool>());
        ++read;
      });
      for (std::uint64_t i = random.below(3); i > 0; --i) {
        device->start(DeviceQueue::compute, [] {});  // training
      }
      for (std::uint64_t i = random.below(12); i > 0; --i) device->work();
    }
    device->finish();
    EXPECT_EQ(read, 30);
    EXPECT_EQ(device->copies, 30);
    EXPECT_LE(device->most_in_flight, 2);
    if (round % 2 == 0) {  // all of one size
      EXPECT_LE(device->pinned.size(), 4U);
    }
  }
}

TEST(CropSender, CopiesABatchWhileTheDeviceComputesWithTheOneBefore) {
  const auto device = std::make_shared<RecordedQueues>();
  device->works_when_asked = false;
  CropSender sender(device);
  int computed = 0;
  for (int batch = 0; batch < 10; ++batch) {
    const at::Tensor there = sender.send(filled(sender, 40, batch), 40);
    if (batch < 2) device->finish();  // memory of the device that is new may have been in use
    while (device->work(DeviceQueue::copies)) {
    }
    ASSERT_EQ(device->copies_in_flight, 0) << batch;
    EXPECT_TRUE(there.eq(batch).all().item<bool>());
    EXPECT_EQ(computed, batch < 2 ? batch : batch - 1);  // the step before is still to be computed
    while (device->work(DeviceQueue::compute)) {
    }
    device->start(DeviceQueue::compute, [&computed] { ++computed; });
  }
}

TEST(PinnedBuffers, MayBeLetGoOfInAnyThread) {
  const auto device = std::make_shared<RecordedQueues>();
  auto buffers = std::make_unique<PinnedBuffers>(device);
  auto held = buffers->take(10);
  std::thread([last = std::move(held)]() mutable { last.reset(); }).join();
  held = buffers->take(10);
  EXPECT_EQ(device->pinned.size(), 1U);
  buffers.reset();
  held.reset();  // after those that it came from
}

TEST(PinnedBuffers, AreToldFromOtherMemory) {
  EXPECT_THROW(PinnedBuffers::tensor_of(PinnedBuffers::Buffer(new std::uint8_t[4])),
               core::InternalError);
}

}  // namespace
}  // namespace hierevo::nn
