#include "batches/augmentation.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "support/chi_square.hpp"

namespace hierevo::nn {
namespace {

TEST(Crops, AreUniformOverOffsetsAndFlips) {
  constexpr std::int64_t draws = 40'000;
  const Crops crops = draw_crops(draws, {10, 9}, {7, 8}, true, core::RandomStream(1));
  // 4 tops × 2 lefts × flipped or not, jointly: this also finds a dependence between them.
  const at::Tensor cell = (crops.top * 2 + crops.left) * 2 + crops.flipped;
  const at::Tensor counts = at::bincount(cell).to(at::kDouble);
  ASSERT_EQ(counts.numel(), 16);
  const std::vector<double> expected(16, draws / 16.0);
  EXPECT_GT(test::chi_square_p({counts.data_ptr<double>(), 16}, expected), 0.001);
}

TEST(Crops, AreNotFlippedUnlessAskedFor) {
  const Crops crops = draw_crops(1000, {10, 9}, {7, 8}, false, core::RandomStream(1));
  EXPECT_FALSE(crops.flipped.any().item<bool>());
  EXPECT_EQ(crops.top.max().item<std::int64_t>(), 3);
}

TEST(Crops, OfTheWholeImageHaveOnePlace) {
  const Crops crops = draw_crops(1000, {10, 9}, {10, 9}, true, core::RandomStream(1));
  EXPECT_FALSE(crops.top.any().item<bool>());
  EXPECT_FALSE(crops.left.any().item<bool>());
}

/// Images of `channels` channels in which no two pixels near each other are equal.
at::Tensor textured(std::int64_t channels) {
  const at::Tensor numbers = at::arange(6 * channels * 10 * 9, at::kLong);
  return (numbers * 89 % 251).to(at::kByte).view({6, channels, 10, 9});
}

TEST(Cut, TakesTheNamedPartOfTheNamedImage) {
  for (const std::int64_t channels : {1, 3}) {
    const at::Tensor pixels = textured(channels);
    const std::vector<std::int64_t> indices = {5, 0, 3, 3, 1, 2, 4, 0};
    const Crops crops = draw_crops(8, {10, 9}, {7, 8}, true, core::RandomStream(2));
    ASSERT_TRUE(crops.flipped.any().item<bool>());
    ASSERT_FALSE(crops.flipped.all().item<bool>());
    const at::Tensor rows = pixels.permute({0, 2, 3, 1}).reshape({-1, channels});
    const Cutter cutter({10, 9}, {7, 8}, at::kCPU);
    const at::Tensor batch = cutter.cut(rows, places_of(crops, indices, {10, 9}, {7, 8}));
    ASSERT_EQ(batch.sizes(), (at::IntArrayRef{8, channels, 7, 8}));
    EXPECT_EQ(batch.scalar_type(), at::kByte);
    EXPECT_TRUE(batch.is_contiguous(at::MemoryFormat::ChannelsLast));
    for (std::int64_t i = 0; i < 8; ++i) {
      at::Tensor part = pixels[indices[static_cast<std::size_t>(i)]]
                            .narrow(1, crops.top[i].item<std::int64_t>(), 7)
                            .narrow(2, crops.left[i].item<std::int64_t>(), 8);
      if (crops.flipped[i].item<bool>()) part = part.flip(2);
      EXPECT_TRUE(batch[i].equal(part)) << "image " << i;
    }
  }
}

TEST(Normalised, GivesChannelsLastFloatsOfMeanZeroAndDeviationOne) {
  const at::Tensor pixels = textured(3);
  const ImageTensors images{pixels, at::zeros({6}, at::kLong)};
  const at::Tensor input = normalised(pixels, normalisation_of(images));
  EXPECT_EQ(input.scalar_type(), at::kFloat);
  EXPECT_TRUE(input.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(input.mean({0, 2, 3}).allclose(at::zeros({3}), 0, 1e-5));
  EXPECT_TRUE(input.var({0, 2, 3}, /*unbiased=*/false).allclose(at::ones({3}), 1e-4));
  EXPECT_TRUE(pixels.equal(textured(3))) << "the data itself was changed";
}

TEST(Augmentation, SameSeedGivesTheSameBatchOnAnyNumberOfThreads) {
  // Large enough for Torch to split it among threads.
  const at::Tensor pixels = textured(3).repeat({40, 1, 4, 4});
  const PixelNormalisation normalisation = normalisation_of({pixels, at::zeros({240}, at::kLong)});
  const at::Tensor rows = pixels.permute({0, 2, 3, 1}).reshape({-1, 3});
  const Cutter cutter({40, 36}, {24, 24}, at::kCPU);
  std::vector<std::int64_t> indices(240);
  std::iota(indices.begin(), indices.end(), 0);
  const auto batch = [&](int threads, std::uint64_t seed) {
    at::set_num_threads(threads);
    const Crops crops = draw_crops(240, {40, 36}, {24, 24}, true, core::RandomStream(seed));
    const at::Tensor result =
        normalised(cutter.cut(rows, places_of(crops, indices, {40, 36}, {24, 24})), normalisation);
    at::set_num_threads(1);
    return result;
  };
  const at::Tensor alone = batch(1, 7);
  EXPECT_TRUE(batch(4, 7).equal(alone));
  EXPECT_FALSE(batch(1, 8).equal(alone));
}

}  // namespace
}  // namespace hierevo::nn
