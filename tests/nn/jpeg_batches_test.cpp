// Batches from JPEG files in the form that networks take.
#include "hierevo/nn/batches/jpeg_batches.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "batches/queued_batches.hpp"
#include "data/memory_files.hpp"
#include "hierevo/data/jpeg_batches.hpp"
#include "nn/recorded_queues.hpp"

namespace hierevo::nn {
namespace {

using test::MemoryFiles;

/// [N, 3, 16, 16] of a decoded batch.
at::Tensor pixels_of(const data::DecodedBatch& batch) {
  return at::from_blob(batch.pixels.get(), {std::ssize(batch.labels), 16, 16, 3}, at::kByte)
      .to(at::kFloat)
      .permute({0, 3, 1, 2});
}

const PixelNormalisation normalisation{at::tensor({100.0F, 110.0F, 120.0F}),
                                       at::tensor({0.02F, 0.03F, 0.04F})};

at::Tensor expected(const at::Tensor& pixels) {
  const auto by_channel = [](const at::Tensor& values) { return values.view({1, 3, 1, 1}); };
  return (pixels - by_channel(normalisation.mean)) * by_channel(normalisation.scale);
}

TEST(JpegTestBatches, AreNormalised) {
  const MemoryFiles files(10);
  const auto batches = make_jpeg_test_batches(files, normalisation, 16, 2, c10::kCPU);
  data::JpegTestBatches decoded(files, 16, 1);
  ASSERT_EQ(batches->size(), 10);
  batches->expect({3, 7});
  const Batch batch = batches->at({3, 5});
  EXPECT_TRUE(at::allclose(batch.images, expected(pixels_of(decoded.at({3, 5})))));
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(batch.targets[i].item<std::int64_t>(), files.label(3 + i));
  }
}

TEST(JpegTrainingBatches, AreNormalised) {
  const MemoryFiles files(10);
  const TrainingOptions options{.batch = 6, .crop = 16};
  const auto batches =
      make_jpeg_training_batches(files, normalisation, options, 7, 3, 2, c10::kCPU);
  data::JpegTrainingBatches decoded(files, {.batch = 6, .crop = 16}, 3);
  for (std::int64_t step = 0; step < 3; ++step) {
    const Batch batch = batches->at(step, {0, 6});
    const data::DecodedBatch images = decoded.at(step, {0, 6});
    EXPECT_TRUE(at::allclose(batch.images, expected(pixels_of(images))));
    EXPECT_TRUE(batch.images.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_TRUE(at::equal(batch.targets, at::tensor(images.labels, at::kLong)));
  }
}

TEST(JpegBatches, OfADeviceAreDecodedIntoPinnedMemoryAndEqualTheCpus) {
  const MemoryFiles files(20);
  const TrainingOptions options{
      .batch = 8, .crop = 16, .brightness = 0.3, .cutout = 4, .mixup = 0.4, .cutmix = 1.0};
  const auto wanted = make_jpeg_training_batches(files, normalisation, options, 7, 3, 2, c10::kCPU);
  const auto device = std::make_shared<RecordedQueues>();
  device->copies_at_once = true;
  const auto got =
      make_jpeg_training_batches(files, normalisation, options, 7, 3, 2, c10::kCPU, device);
  for (std::int64_t step = 0; step < 20; ++step) {
    for (const data::ImageRange range : {data::ImageRange{0, 8}, {1, 3}}) {
      const int before = device->copies;
      const Batch batch = got->at(step, range);
      // The numbers; the images, and those that they are mixed with.
      EXPECT_EQ(device->copies - before, range.count == 8 ? 2 : 3);
      EXPECT_TRUE(batch.images.equal(wanted->at(step, range).images));
      EXPECT_TRUE(batch.targets.equal(wanted->at(step, range).targets));
    }
  }
  device->finish();
  const auto there = std::make_shared<RecordedQueues>();
  there->copies_at_once = true;
  const auto tests = make_jpeg_test_batches(files, normalisation, 16, 2, c10::kCPU, there);
  const auto tests_here = make_jpeg_test_batches(files, normalisation, 16, 2, c10::kCPU);
  for (std::int64_t first = 0; first < 20; first += 5) {
    EXPECT_TRUE(tests->at({first, 5}).images.equal(tests_here->at({first, 5}).images));
  }
  EXPECT_EQ(there->copies, 4);
  there->finish();
}

TEST(JpegBatches, AreDecodedWhereTheCallerSays) {
  const MemoryFiles files(10);
  std::vector<std::shared_ptr<std::uint8_t[]>> given;
  data::JpegTrainingBatches decoded(files,
                                    {.batch = 6,
                                     .crop = 16,
                                     .memory =
                                         [&given](std::size_t bytes) {
                                           given.push_back(data::ordinary_memory(bytes));
                                           return given.back();
                                         }},
                                    3);
  for (std::int64_t step = 0; step < 4; ++step) {
    const data::DecodedBatch batch = decoded.at(step, {0, 6});
    EXPECT_NE(std::find(given.begin(), given.end(), batch.pixels), given.end());
  }
}

}  // namespace
}  // namespace hierevo::nn
