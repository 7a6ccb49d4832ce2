// Mixup, CutMix, cutout and changes of colour, by their formulas and distributions.
#include "batches/mixing.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "batches/augmentation.hpp"

namespace hierevo::nn {
namespace {

/// All pixels of image i are i.
at::Tensor mixable_images(std::int64_t count) {
  return at::arange(count, at::kFloat).view({-1, 1, 1, 1}).expand({-1, 2, 6, 8}).contiguous();
}

TEST(Beta, HasTheMeanAndVarianceOfItsDistribution) {
  for (const double alpha : {0.2, 1.0, 3.0}) {
    core::RandomStream random(5);
    constexpr int draws = 20'000;
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < draws; ++i) {
      const double x = draw_beta(alpha, random) - 0.5;
      ASSERT_GE(x, -0.5);
      ASSERT_LE(x, 0.5);
      sum += x;
      squares += x * x;
    }
    const double variance = 1.0 / (4.0 * (2.0 * alpha + 1.0));
    EXPECT_NEAR(sum / draws, 0.0, 4.0 * std::sqrt(variance / draws)) << alpha;
    EXPECT_NEAR(squares / draws, variance, 0.03 * variance) << alpha;
  }
}

TEST(Mixup, AddsImagesInTheirProportion) {
  at::Tensor images = mixable_images(4);
  mix_up(images, images, 0.75);
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto own = static_cast<double>(i);
    EXPECT_TRUE(images[i].allclose(at::full({2, 6, 8}, 0.75 * own + 0.25 * (3.0 - own))));
  }
}

TEST(CutMix, PutsTheBoxOfTheOtherImage) {
  at::Tensor images = mixable_images(4);
  cut_mix(images, images, {1, 4, 2, 6});
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto own = static_cast<float>(i);
    at::Tensor wanted = at::full({2, 6, 8}, own);
    wanted.slice(1, 1, 4).slice(2, 2, 6).fill_(3.0F - own);
    EXPECT_TRUE(images[i].equal(wanted));
  }
}

TEST(MixedTargets, HaveTheSharesOfBothLabels) {
  const std::vector<std::int64_t> labels = {0, 1, 4};
  const std::vector<std::int64_t> partners = {4, 2, 3};  // the last one is that of the first
  const at::Tensor targets = mixed_targets(labels, partners, 0.75, 5);
  at::Tensor wanted = at::zeros({3, 5});
  wanted[0][0] = wanted[1][1] = 0.75;
  wanted[0][3] = wanted[1][2] = 0.25;
  wanted[2][4] = 1.0;  // mixed with another of its class
  EXPECT_TRUE(targets.equal(wanted));
}

TEST(CutMix, BoxesHaveTheirAreaWhereTheyAreNotCutAtTheBorder) {
  core::RandomStream random(6);
  int whole = 0;
  for (int i = 0; i < 2000; ++i) {
    const Box box = draw_box(40, 60, 0.25, random);
    ASSERT_GE(box.top, 0);
    ASSERT_LE(box.bottom, 40);
    ASSERT_GE(box.left, 0);
    ASSERT_LE(box.right, 60);
    const bool inside = box.top > 0 && box.bottom < 40 && box.left > 0 && box.right < 60;
    if (!inside) continue;
    ++whole;
    ASSERT_EQ(box.bottom - box.top, 20);
    ASSERT_EQ(box.right - box.left, 30);
  }
  EXPECT_NEAR(whole, 2000 * 0.25, 90);  // the middle is in the inner half of both sides
}

TEST(Cutout, BlanksOneSquareWhoseMiddleIsAnywhere) {
  at::Tensor images = at::ones({4000, 2, 8, 8});
  cut_out(images, squares_around(draw_middles(4000, {8, 8}, core::RandomStream(1)), 4, {8, 8}));
  const at::Tensor blank = images.select(1, 0).eq(0).to(at::kFloat);
  EXPECT_TRUE(images.select(1, 0).equal(images.select(1, 1)));
  // Rows from -2 … 5 on: 2 rows are in the image at the least, 4 at the most.
  const at::Tensor areas = blank.sum({1, 2});
  EXPECT_EQ(areas.min().item<float>(), 4.0F);
  EXPECT_EQ(areas.max().item<float>(), 16.0F);
  // A pixel is blank when the middle is among 4 of 8 rows and of 8 columns, at the border fewer.
  const at::Tensor often = blank.mean({0});
  EXPECT_NEAR(often[4][4].item<double>(), 0.25, 0.03);
  EXPECT_NEAR(often[0][0].item<double>(), 9.0 / 64, 0.03);
  EXPECT_NEAR(often[7][7].item<double>(), 4.0 / 64, 0.03);
}

TEST(Colours, ScaleBrightnessThenTheDistanceFromTheMean) {
  const at::Tensor pixels = at::tensor({10, 30, 50, 110}, at::kByte).view({1, 1, 2, 2});
  const ColourChanges changes{at::tensor({2.0F}), at::tensor({0.5F})};
  // 20, 60, 100, 220 with the mean 100
  const at::Tensor wanted = at::tensor({60.0F, 80.0F, 100.0F, 160.0F}).view({1, 1, 2, 2});
  EXPECT_TRUE(recoloured(pixels, changes).allclose(wanted));
  const ColourChanges extreme{at::tensor({3.0F}), at::tensor({9.0F})};
  const at::Tensor kept = recoloured(pixels, extreme);
  EXPECT_EQ(kept.min().item<float>(), 0.0F);
  EXPECT_EQ(kept.max().item<float>(), 255.0F);
}

TEST(Colours, AreUniformWithinTheirBounds) {
  const ColourChanges changes = draw_colour_changes(20'000, 0.4, 0.0, core::RandomStream(3));
  EXPECT_NEAR(changes.brightness.mean().item<double>(), 1.0, 0.01);
  EXPECT_NEAR(changes.brightness.var().item<double>(), 0.16 / 3, 0.002);
  EXPECT_GE(changes.brightness.min().item<double>(), 0.6 - 1e-6);
  EXPECT_LE(changes.brightness.max().item<double>(), 1.4 + 1e-6);
  EXPECT_TRUE(changes.contrast.eq(1.0).all().item<bool>());
}

}  // namespace
}  // namespace hierevo::nn
