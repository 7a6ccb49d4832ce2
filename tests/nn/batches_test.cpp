// A batch that is asked for in parts, as ranks do, is the batch that one rank alone would see.
#include "hierevo/nn/batches.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "hierevo/core/random.hpp"
#include "hierevo/nn/memory_batches.hpp"

namespace hierevo::nn {
namespace {

TEST(PartOf, SharesOutEachImageOnceAndEvenly) {
  for (const std::int64_t count : {0, 1, 2, 7, 16, 257}) {
    for (const int parts : {1, 2, 3, 5, 16}) {
      std::int64_t next = 0;
      for (int part = 0; part < parts; ++part) {
        const ImageRange range = part_of(count, part, parts);
        EXPECT_EQ(range.first, next);
        EXPECT_GE(range.count, count / parts);
        EXPECT_LE(range.count, (count + parts - 1) / parts);
        next += range.count;
      }
      EXPECT_EQ(next, count) << parts;
    }
  }
}

Images random_images(std::int64_t count, std::int64_t channels, std::int64_t side) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(11);
  return {at::randint(0, 256, {count, channels, side, side}, generator, at::kByte),
          at::randint(0, 7, {count}, generator, at::kLong)};
}

TrainingOptions random_options(core::RandomStream& random) {
  const auto lot = [&random](double value) { return random.below(2) == 0 ? 0.0 : value; };
  TrainingOptions options{.batch = 2 + static_cast<std::int64_t>(random.below(17))};
  options.crop = random.below(2) == 0 ? 0 : 6 + static_cast<std::int64_t>(random.below(5));
  options.flip = random.below(2) == 0;
  options.brightness = lot(0.4);
  options.contrast = lot(0.4);
  options.cutout = static_cast<std::int64_t>(random.below(5));
  options.mixup = lot(0.4);
  options.cutmix = lot(1.0);
  return options;
}

/// Each image and target of the parts is bit for bit that of the whole.
void expect_parts_of_whole(TrainingBatches& batches, std::int64_t step, std::int64_t size,
                           core::RandomStream& random) {
  const Batch whole = batches.at(step, {0, size});
  ASSERT_EQ(whole.images.size(0), size);
  for (std::int64_t first = 0; first < size;) {
    const auto left = static_cast<std::uint64_t>(size - first);
    const auto count = static_cast<std::int64_t>(1 + random.below(left));
    const Batch part = batches.at(step, {first, count});
    EXPECT_TRUE(part.images.equal(whole.images.narrow(0, first, count))) << first << ' ' << count;
    EXPECT_TRUE(part.targets.equal(whole.targets.narrow(0, first, count))) << first << ' ' << count;
    first += count;
  }
}

TEST(TrainingBatches, GiveTheSameImagesWhateverPartsTheyAreAskedForIn) {
  at::set_num_threads(2);
  core::RandomStream random(3);
  for (int round = 0; round < 60; ++round) {
    const std::int64_t channels = round % 2 == 0 ? 1 : 3;
    const Images images = random_images(23, channels, 12);
    const TrainingOptions options = random_options(random);
    const auto batches =
        make_training_batches(images, normalisation_of(images), options, 7, random());
    for (const std::int64_t step : {0, 1, 5}) {
      expect_parts_of_whole(*batches, step, options.batch, random);
    }
  }
}

TEST(TrainingBatches, OfLargeImagesAddUpTheirPixelsInOneOrder) {
  at::set_num_threads(2);  // Torch shares out sums of so many pixels
  const Images images = random_images(4, 3, 160);
  const TrainingOptions options{.batch = 4, .crop = 150, .brightness = 0.3, .contrast = 0.3};
  const auto batches = make_training_batches(images, normalisation_of(images), options, 7, 1);
  core::RandomStream random(4);
  for (int round = 0; round < 5; ++round) expect_parts_of_whole(*batches, round, 4, random);
}

TEST(TestBatches, AreTheImagesInOrder) {
  const Images images = random_images(9, 3, 8);
  const Normalisation normalisation = normalisation_of(images);
  const auto batches = make_test_batches(images, normalisation);
  ASSERT_EQ(batches->size(), 9);
  const Batch part = batches->at({4, 3});
  EXPECT_TRUE(part.targets.equal(images.labels.narrow(0, 4, 3)));
  const at::Tensor wanted =
      (images.pixels.narrow(0, 4, 3).to(at::kFloat) - normalisation.mean.view({1, -1, 1, 1})) *
      normalisation.scale.view({1, -1, 1, 1});
  EXPECT_TRUE(part.images.equal(wanted));
}

}  // namespace
}  // namespace hierevo::nn
