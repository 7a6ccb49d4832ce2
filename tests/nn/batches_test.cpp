// What options do to a batch; and a batch requested in parts, as ranks do, is the batch that a
// single rank would see.
#include "hierevo/nn/batches/batches.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "hierevo/core/random.hpp"
#include "hierevo/nn/batches/memory_batches.hpp"

namespace hierevo::nn {
namespace {

ImageTensors random_images(std::int64_t count, std::int64_t channels, std::int64_t side) {
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
    const ImageTensors images = random_images(23, channels, 12);
    const TrainingOptions options = random_options(random);
    const auto batches =
        make_training_batches(images, normalisation_of(images), options, 7, random());
    for (const std::int64_t step : {0, 1, 5}) {
      expect_parts_of_whole(*batches, step, options.batch, random);
    }
  }
}

TEST(TrainingBatches, OfLargeImagesAddUpTheirPixelsInOneOrder) {
  at::set_num_threads(2);  // Torch splits sums of this many pixels among threads
  const ImageTensors images = random_images(4, 3, 160);
  const TrainingOptions options{.batch = 4, .crop = 150, .brightness = 0.3, .contrast = 0.3};
  const auto batches = make_training_batches(images, normalisation_of(images), options, 7, 1);
  core::RandomStream random(4);
  for (int round = 0; round < 5; ++round) expect_parts_of_whole(*batches, round, 4, random);
}

/// Batches of the same sixteen images, once as they are and once changed by an option.
class AugmentedBatch : public testing::Test {
 protected:
  static constexpr std::int64_t size = 16;
  static constexpr TrainingOptions plain() { return {.batch = size, .crop = 0, .flip = false}; }

  Batch batch(const TrainingOptions& options, std::int64_t step = 0) const {
    return make_training_batches(images_, normalisation_, options, 7, 5)->at(step, {0, size});
  }
  at::Tensor inputs(const TrainingOptions& options) const { return batch(options).images; }
  /// Before they were normalised.
  at::Tensor pixels(const TrainingOptions& options) const { return inputs(options) / 0.5 + 30; }

 private:
  // Far enough from 0 and 255 to become a third brighter, and from the mean, which becomes 0.
  ImageTensors images_ = {at::randint(60, 120, {20, 3, 12, 12},
                                      at::make_generator<at::CPUGeneratorImpl>(11), at::kByte),
                          at::arange(20) % 7};
  PixelNormalisation normalisation_ = {at::full({3}, 30.0F), at::full({3}, 0.5F)};
};

TEST_F(AugmentedBatch, MirrorsSomeImages) {
  TrainingOptions options = plain();
  options.flip = true;
  const at::Tensor was = inputs(plain());
  const at::Tensor got = inputs(options);
  std::int64_t mirrored = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const bool flipped = got[i].equal(was[i].flip(2));
    EXPECT_TRUE(flipped || got[i].equal(was[i])) << i;
    mirrored += flipped ? 1 : 0;
  }
  EXPECT_GT(mirrored, 0);
  EXPECT_LT(mirrored, size);
}

TEST_F(AugmentedBatch, CropsEachImageAtAPlaceOfItsOwn) {
  TrainingOptions options = plain();
  options.crop = 10;
  const at::Tensor was = inputs(plain());
  const at::Tensor got = inputs(options);
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (std::int64_t i = 0; i < size; ++i) {
    int found = 0;
    for (std::int64_t place = 0; place < 9; ++place) {
      const std::int64_t top = place / 3;
      const std::int64_t left = place % 3;
      if (!got[i].equal(was[i].narrow(1, top, 10).narrow(2, left, 10))) continue;
      places.insert({top, left});
      ++found;
    }
    EXPECT_EQ(found, 1) << i;
  }
  EXPECT_GT(places.size(), 3U);
}

/// Each image of `got` is the one of `was`, its distance from `centre` times a factor of its own
/// from 0.7 to 1.3.
void expect_stretched(const at::Tensor& got, const at::Tensor& was, const at::Tensor& centre) {
  const auto extent = [](const at::Tensor& of) {
    return of.square().sum({1, 2, 3}, /*keepdim=*/true).sqrt();
  };
  const at::Tensor factors = extent(got - centre) / extent(was - centre);
  EXPECT_TRUE(got.allclose(centre + (was - centre) * factors, 0.0, 1e-3));
  EXPECT_GT(factors.min().item<float>(), 0.699F);
  EXPECT_LT(factors.max().item<float>(), 1.301F);
  EXPECT_GT(factors.std().item<float>(), 0.1F);
}

TEST_F(AugmentedBatch, ScalesTheBrightnessOfEachImage) {
  TrainingOptions options = plain();
  options.brightness = 0.3;
  expect_stretched(pixels(options), pixels(plain()), at::zeros({size, 1, 1, 1}));
}

TEST_F(AugmentedBatch, ScalesTheContrastOfEachImage) {
  TrainingOptions options = plain();
  options.contrast = 0.3;
  const at::Tensor was = pixels(plain());
  expect_stretched(pixels(options), was, was.mean({1, 2, 3}, /*keepdim=*/true));
}

TEST_F(AugmentedBatch, CutsASquareOutOfEachImage) {
  TrainingOptions options = plain();
  options.cutout = 4;
  const at::Tensor was = inputs(plain());
  const at::Tensor got = inputs(options);
  const at::Tensor blank = got.eq(0);
  EXPECT_TRUE(got.equal(was.masked_fill(blank, 0)));
  for (std::int64_t i = 0; i < size; ++i) {
    const auto rows = blank[i][0].any(1).sum().item<std::int64_t>();
    const auto columns = blank[i][0].any(0).sum().item<std::int64_t>();
    for (const std::int64_t side : {rows, columns}) {  // half of the square may be outside
      EXPECT_GE(side, 2) << i;
      EXPECT_LE(side, 4) << i;
    }
    EXPECT_EQ(blank[i].sum().item<std::int64_t>(), 3 * rows * columns) << i;
  }
  EXPECT_FALSE(blank[0].equal(blank[1]));
}

/// The weight of their own label in targets that are mixed with those of the last image, of the
/// last but one and so on; there is but one.
double share_of_own(const at::Tensor& targets, const at::Tensor& labels) {
  const at::Tensor own = at::one_hot(labels, 7).to(at::kFloat);
  const at::Tensor other = own.flip(0);
  const double share = targets.masked_select(own.gt(other)).max().item<double>();
  EXPECT_TRUE(targets.allclose(own * share + other * (1.0 - share)));
  EXPECT_GT(share, 0.01);
  EXPECT_LT(share, 0.99);
  return share;
}

TEST_F(AugmentedBatch, MixesEachImageAndTargetWithAnother) {
  TrainingOptions options = plain();
  options.mixup = 5.0;
  const Batch was = batch(plain());
  const Batch got = batch(options);
  const double own = share_of_own(got.targets, was.targets);
  EXPECT_TRUE(got.images.allclose(was.images * own + was.images.flip(0) * (1.0 - own)));
}

/// Where the pixels are those of no other image, [12, 12]; all images have the rest of another one.
at::Tensor own_pixels(const Batch& got, const Batch& was) {
  const at::Tensor own = got.images.eq(was.images);
  EXPECT_TRUE(own.logical_or(got.images.eq(was.images.flip(0))).all().item<bool>());
  return own.reshape({-1, 12, 12}).all(0);
}

TEST_F(AugmentedBatch, PutsABoxOfAnotherImageIntoEachAndItsShareIntoTheTarget) {
  TrainingOptions options = plain();
  options.cutmix = 5.0;
  const Batch was = batch(plain());
  const Batch got = batch(options);
  const double share = own_pixels(got, was).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(share_of_own(got.targets, was.targets), share, 1e-6);
}

TEST_F(AugmentedBatch, TakesOneOfBothMixturesAStep) {
  TrainingOptions options = plain();
  options.mixup = 5.0;
  options.cutmix = 5.0;
  int boxes = 0;
  for (std::int64_t step = 0; step < 12; ++step) {
    const Batch was = batch(plain(), step);
    const Batch got = batch(options, step);
    share_of_own(got.targets, was.targets);
    boxes += got.images.eq(was.images).sum().item<std::int64_t>() > got.images.numel() / 10 ? 1 : 0;
  }
  EXPECT_GT(boxes, 1);
  EXPECT_LT(boxes, 11);
}

TEST(TestBatches, AreTheImagesInOrder) {
  const ImageTensors images = random_images(9, 3, 8);
  const PixelNormalisation normalisation = normalisation_of(images);
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
