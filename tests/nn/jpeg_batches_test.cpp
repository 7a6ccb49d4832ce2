#include "hierevo/nn/jpeg_batches.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "batch_order.hpp"
#include "crop_decoder.hpp"
#include "nn/memory_files.hpp"

namespace hierevo::nn {
namespace {

using test::MemoryFiles;

const JpegTrainingPixels::Options small = {.batch = 6, .crop = 16, .threads = 2};

TEST(JpegTrainingPixels, DependOnNeitherThreadsNorParts) {
  const MemoryFiles files(20);
  JpegTrainingPixels whole(files, small, 3);
  auto options = small;
  options.threads = 1;
  JpegTrainingPixels parts(files, options, 3);
  for (std::int64_t step = 0; step < 8; ++step) {
    const Images all = whole.at(step, {0, 6});
    EXPECT_EQ(all.pixels.sizes(), (std::vector<std::int64_t>{6, 3, 16, 16}));
    EXPECT_TRUE(all.pixels.is_contiguous(at::MemoryFormat::ChannelsLast));
    const Images later = parts.at(step, {2, 4});
    const Images first = parts.at(step, {0, 2});
    EXPECT_TRUE(at::equal(all.pixels, at::cat({first.pixels, later.pixels})));
    EXPECT_TRUE(at::equal(all.labels, at::cat({first.labels, later.labels})));
  }
  EXPECT_TRUE(at::equal(whole.at(2, {0, 6}).pixels, parts.at(2, {0, 6}).pixels));  // back again
}

TEST(JpegTrainingPixels, ComeInTheOrderOfTheEpochs) {
  const MemoryFiles files(20);
  JpegTrainingPixels pixels(files, small, 3);
  BatchOrder order(20, 6, 3);
  for (std::int64_t step = 0; step < 7; ++step) {
    std::vector<std::int64_t> labels;
    for (const std::int64_t index : order.batch(step)) labels.push_back(files.label(index));
    EXPECT_TRUE(at::equal(pixels.at(step, {0, 6}).labels, at::tensor(labels, at::kLong)));
  }
}

TEST(JpegTrainingPixels, OtherSeedsAndStepsMakeOtherParts) {
  const MemoryFiles files(1);
  JpegTrainingPixels pixels(files, small, 3);
  JpegTrainingPixels others(files, small, 4);
  const at::Tensor batch = pixels.at(0, {0, 6}).pixels;
  EXPECT_FALSE(at::equal(batch, others.at(0, {0, 6}).pixels));
  EXPECT_FALSE(at::equal(batch, pixels.at(1, {0, 6}).pixels));
  EXPECT_FALSE(at::equal(batch[0], batch[1]));  // though of one image
}

TEST(JpegTrainingPixels, WhatIsExpectedIsMadeOnce) {
  const MemoryFiles files(20);
  auto options = small;
  options.ahead = 1;
  JpegTrainingPixels pixels(files, options, 3);
  // As with mixing between two ranks: a part, and the one that it is mixed with.
  for (std::int64_t step = 0; step < 10; ++step) {
    pixels.at(step, {0, 3});
    pixels.at(step, {3, 3});
  }
  EXPECT_LE(files.reads, 11 * 6);
}

TEST(JpegTestBatches, MakeNothingAheadThatIsNotExpected) {
  const MemoryFiles files(20);
  const Normalisation normalisation{at::zeros({3}), at::ones({3})};
  const auto batches = make_jpeg_test_batches(files, normalisation, 16, 2);
  batches->expect({4, 6});
  batches->at({4, 3});
  batches->at({7, 3});
  EXPECT_EQ(files.reads, 6);
}

TEST(JpegTestBatches, AreTheMiddlesNormalised) {
  const MemoryFiles files(10);
  const Normalisation normalisation{at::tensor({100.0F, 110.0F, 120.0F}),
                                    at::tensor({0.02F, 0.03F, 0.04F})};
  const auto batches = make_jpeg_test_batches(files, normalisation, 16, 2);
  ASSERT_EQ(batches->size(), 10);
  CropDecoder decoder;
  for (const ImageRange range : {ImageRange{0, 4}, {4, 4}, {8, 2}, {3, 5}}) {
    const Batch batch = batches->at(range);
    ASSERT_EQ(batch.images.size(0), range.count);
    for (std::int64_t i = 0; i < range.count; ++i) {
      const std::int64_t index = range.first + i;
      std::vector<std::uint8_t> image(16 * 16 * 3);
      decoder.decode(files.files[static_cast<std::size_t>(index)], files.picture(index),
                     centre_crop(files.picture(index), 18, 16), 16, image);
      const at::Tensor pixels = at::from_blob(image.data(), {16, 16, 3}, at::kByte)
                                    .to(at::kFloat)
                                    .sub(normalisation.mean)
                                    .mul(normalisation.scale)
                                    .permute({2, 0, 1});
      EXPECT_TRUE(at::allclose(batch.images[i], pixels));
      EXPECT_EQ(batch.targets[i].item<std::int64_t>(), files.label(index));
    }
  }
}

}  // namespace
}  // namespace hierevo::nn
