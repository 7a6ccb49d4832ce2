// Batches from JPEG files in the form that networks take.
#include "hierevo/nn/batches/jpeg_batches.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/memory_files.hpp"
#include "hierevo/data/jpeg_batches.hpp"

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
  const auto batches = make_jpeg_test_batches(files, normalisation, 16, 2);
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

}  // namespace
}  // namespace hierevo::nn
