#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "hierevo/data/split_indices.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"
#include "nn/small_problem.hpp"
#include "support/refusal.hpp"

namespace hierevo::nn {
namespace {

/// `count` images of 3 channels; every pixel of image i is i, its label i too.
ImageTensors numbered_images(std::int64_t count) {
  const at::Tensor numbers = at::arange(count, at::kLong);
  return {numbers.to(at::kByte).view({-1, 1, 1, 1}).expand({-1, 3, 2, 2}).contiguous(), numbers};
}

std::set<std::int64_t> members(const ImageTensors& images) {
  std::set<std::int64_t> found;
  for (std::int64_t i = 0; i < images.size(); ++i) {
    const auto label = images.labels[i].item<std::int64_t>();
    EXPECT_EQ(images.pixels[i][0][0][0].item<std::int64_t>(), label);
    found.insert(label);
  }
  EXPECT_EQ(static_cast<std::int64_t>(found.size()), images.size());
  return found;
}

TEST(Split, IsDisjointAndComplete) {
  const Split split = split_training_set(numbered_images(50), 0, 20, 1);
  EXPECT_EQ(split.train.size(), 30);
  EXPECT_EQ(split.validation.size(), 20);
  std::set<std::int64_t> all = members(split.train);
  all.merge(members(split.validation));
  EXPECT_EQ(all.size(), 50U);
}

TEST(Split, ValidationDoesNotDependOnTheTrainingSize) {
  const ImageTensors images = numbered_images(50);
  const Split all = split_training_set(images, 0, 20, 1);
  const Split few = split_training_set(images, 7, 20, 1);
  EXPECT_TRUE(few.validation.labels.equal(all.validation.labels));
  EXPECT_TRUE(few.train.labels.equal(all.train.labels.narrow(0, 0, 7)));
}

TEST(Split, IndicesAreTheSameSplit) {
  const ImageTensors images = numbered_images(50);
  const Split split = split_training_set(images, 7, 20, 1);
  const data::SplitIndices indices = data::split_indices(50, 7, 20, 1);
  EXPECT_TRUE(selected(images, indices.train).labels.equal(split.train.labels));
  EXPECT_TRUE(selected(images, indices.validation).labels.equal(split.validation.labels));
  EXPECT_EQ(data::split_indices(50, 0, 0, 1).train.size(), 50U);
  EXPECT_TRUE(data::split_indices(50, 0, 0, 1).validation.empty());
}

TEST(Split, DependsOnTheSeedAlone) {
  const ImageTensors images = numbered_images(50);
  const auto labels = [&images](std::uint64_t seed) {
    return split_training_set(images, 0, 20, seed).train.labels;
  };
  EXPECT_TRUE(labels(1).equal(labels(1)));
  EXPECT_FALSE(labels(1).equal(labels(2)));
}

TEST(Split, RefusesSizesThatDoNotFit) {
  const ImageTensors images = numbered_images(50);
  EXPECT_ERROR(split_training_set(images, 0, 50, 1),
               "validation_size is 50 (the training set has 50, and some must be left to "
               "train on). Give up to 49.");
  EXPECT_ERROR(split_training_set(images, 0, 0, 1), "validation_size is 0 (fitness");
  EXPECT_ERROR(split_training_set(images, 31, 20, 1),
               "train_size is 31 (30 of 50 are left besides 20 to validate on)");
  EXPECT_ERROR(split_training_set(images, -1, 20, 1), "train_size is -1 (");
}

TEST(Normalisation, IsTheMeanAndDeviationOfEachChannelOfTheTrainingSplit) {
  at::Tensor pixels = at::empty({2, 2, 1, 2}, at::kByte);
  pixels.select(1, 0).copy_(at::tensor({10, 20, 30, 40}, at::kByte).view({2, 1, 2}));
  pixels.select(1, 1).fill_(7);
  const PixelNormalisation found = normalisation_of({pixels, at::zeros({2}, at::kLong)});
  EXPECT_TRUE(found.mean.allclose(at::tensor({25.0F, 7.0F})));
  EXPECT_TRUE(found.scale.allclose(at::tensor({1.0F / std::sqrt(125.0F), 1.0F})));

  const double means[] = {25.0, 7.0};
  const double deviations[] = {std::sqrt(125.0), 0.0};
  const PixelNormalisation made = make_normalisation(means, deviations);
  EXPECT_TRUE(made.mean.equal(found.mean));
  EXPECT_TRUE(made.scale.equal(found.scale));

  const Split split = split_training_set(numbered_images(50), 10, 20, 3);
  const at::Tensor used = split.train.labels.to(at::kFloat);
  EXPECT_TRUE(split.normalisation.mean.allclose(used.mean().expand({3})));
  EXPECT_TRUE(split.normalisation.scale.allclose(1 / used.std(/*unbiased=*/false).expand({3})));
}

}  // namespace
}  // namespace hierevo::nn
