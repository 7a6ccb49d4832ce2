#include "hierevo/data/jpeg_batches.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "crop_decoder.hpp"
#include "data/memory_files.hpp"
#include "hierevo/data/batch_order.hpp"

namespace hierevo::data {
namespace {

using test::MemoryFiles;

constexpr std::size_t image_bytes = 16 * 16 * 3;

std::vector<std::uint8_t> pixels_of(const DecodedBatch& batch) {
  return test::pixels_of(batch, 16);
}

template <typename T>
std::vector<T> joined(std::vector<T> a, const std::vector<T>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const JpegTrainingBatches::Options small = {.batch = 6, .crop = 16, .threads = 2};

TEST(JpegTrainingBatches, DependOnNeitherThreadsNorParts) {
  const MemoryFiles files(20);
  JpegTrainingBatches whole(files, small, 3);
  auto options = small;
  options.threads = 1;
  JpegTrainingBatches parts(files, options, 3);
  for (std::int64_t step = 0; step < 8; ++step) {
    const DecodedBatch all = whole.at(step, {0, 6});
    const DecodedBatch later = parts.at(step, {2, 4});
    const DecodedBatch first = parts.at(step, {0, 2});
    EXPECT_EQ(pixels_of(all), joined(pixels_of(first), pixels_of(later)));
    EXPECT_EQ(all.labels, joined(first.labels, later.labels));
  }
  EXPECT_EQ(pixels_of(whole.at(2, {0, 6})),
            pixels_of(parts.at(2, {0, 6})));  // an earlier step again
}

TEST(JpegTrainingBatches, ComeInTheOrderOfTheEpochs) {
  const MemoryFiles files(20);
  JpegTrainingBatches batches(files, small, 3);
  BatchOrder order(20, 6, 3);
  for (std::int64_t step = 0; step < 7; ++step) {
    std::vector<std::int64_t> labels;
    for (const std::int64_t index : order.batch(step)) labels.push_back(files.label(index));
    EXPECT_EQ(batches.at(step, {0, 6}).labels, labels);
  }
}

TEST(JpegTrainingBatches, OtherSeedsAndStepsMakeOtherParts) {
  const MemoryFiles files(1);
  JpegTrainingBatches batches(files, small, 3);
  JpegTrainingBatches others(files, small, 4);
  const auto batch = pixels_of(batches.at(0, {0, 6}));
  EXPECT_NE(batch, pixels_of(others.at(0, {0, 6})));
  EXPECT_NE(batch, pixels_of(batches.at(1, {0, 6})));
  const auto second = batch.begin() + image_bytes;  // though both show one image
  EXPECT_FALSE(std::equal(batch.begin(), second, second));
}

TEST(JpegTrainingBatches, WhatIsExpectedIsMadeOnce) {
  const MemoryFiles files(20);
  auto options = small;
  options.ahead = 1;
  JpegTrainingBatches batches(files, options, 3);
  // As when two ranks mix images: a part, and the one that it is mixed with.
  for (std::int64_t step = 0; step < 10; ++step) {
    batches.at(step, {0, 3});
    batches.at(step, {3, 3});
  }
  EXPECT_LE(files.reads, 11 * 6);
}

TEST(JpegTestBatches, MakeNothingAheadThatIsNotExpected) {
  const MemoryFiles files(20);
  JpegTestBatches batches(files, 16, 2);
  batches.expect({4, 6});
  batches.at({4, 3});
  batches.at({7, 3});
  EXPECT_EQ(files.reads, 6);
}

TEST(JpegTestBatches, AreTheMiddles) {
  const MemoryFiles files(10);
  JpegTestBatches batches(files, 16, 2);
  CropDecoder decoder;
  for (const ImageRange range : {ImageRange{0, 4}, {4, 4}, {8, 2}, {3, 5}}) {
    const DecodedBatch batch = batches.at(range);
    ASSERT_EQ(std::ssize(batch.labels), range.count);
    std::vector<std::uint8_t> expected;
    for (std::int64_t index = range.first; index < range.first + range.count; ++index) {
      std::vector<std::uint8_t> image(image_bytes);
      const ImageSize size = files.image_size(index);
      decoder.decode(files.files[static_cast<std::size_t>(index)], size, center_crop(size, 18, 16),
                     16, image);
      expected = joined(expected, image);
      EXPECT_EQ(batch.labels[static_cast<std::size_t>(index - range.first)], files.label(index));
    }
    EXPECT_EQ(pixels_of(batch), expected);
  }
}

}  // namespace
}  // namespace hierevo::data
