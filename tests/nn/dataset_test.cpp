#include "hierevo/nn/dataset.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "batch_order.hpp"
#include "hierevo/core/error.hpp"
#include "nn/idx_files.hpp"
#include "nn/small_problem.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::nn {
namespace {

using test::Bytes;
using test::gzipped;
using test::idx_bytes;
using test::write_bytes;

#define EXPECT_ERROR(call, part)                                                    \
  do {                                                                              \
    const std::string text = usage_error([&] { call; });                            \
    EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks\n" << (part); \
  } while (false)

/// Four small files as the publishers name them: 3 training and 2 test images of 2×2.
class TinyFashionMnist {
 public:
  TinyFashionMnist() {
    write_bytes(path("train-images-idx3-ubyte.gz"),
                gzipped(idx_bytes(0x803, {3, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})));
    write_bytes(path("train-labels-idx1-ubyte.gz"), gzipped(idx_bytes(0x801, {3}, {9, 0, 5})));
    write_bytes(path("t10k-images-idx3-ubyte"),
                idx_bytes(0x803, {2, 2, 2}, {20, 21, 22, 23, 24, 25, 26, 27}));
    write_bytes(path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {2}, {1, 2}));
  }
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  Dataset load() const { return load_dataset("fashion-mnist", folder_.path()); }

 private:
  test::ScratchFolder folder_;
};

TEST(FashionMnist, LoadsThePackagedFiles) {
  const Dataset dataset = load_dataset("fashion-mnist", {});
  EXPECT_EQ(dataset.name, "fashion-mnist");
  EXPECT_EQ(dataset.classes, 10);
  EXPECT_EQ(dataset.train.pixels.sizes(), (at::IntArrayRef{60000, 1, 28, 28}));
  EXPECT_EQ(dataset.test.pixels.sizes(), (at::IntArrayRef{10000, 1, 28, 28}));
  EXPECT_EQ(dataset.train.pixels.scalar_type(), at::kByte);
  EXPECT_EQ(dataset.train.labels.scalar_type(), at::kLong);
  // Every class has as many images as every other.
  EXPECT_TRUE(at::bincount(dataset.train.labels).eq(6000).all().item<bool>());
  EXPECT_TRUE(at::bincount(dataset.test.labels).eq(1000).all().item<bool>());
}

TEST(FashionMnist, LoadsGzippedAndPlainFiles) {
  const TinyFashionMnist files;
  const Dataset dataset = files.load();
  EXPECT_TRUE(dataset.train.pixels.equal(at::arange(12, at::kByte).view({3, 1, 2, 2})));
  EXPECT_TRUE(dataset.test.pixels.equal((at::arange(8, at::kByte) + 20).view({2, 1, 2, 2})));
  EXPECT_TRUE(dataset.train.labels.equal(at::tensor({9, 0, 5}, at::kLong)));
  EXPECT_TRUE(dataset.test.labels.equal(at::tensor({1, 2}, at::kLong)));
}

TEST(FashionMnist, RefusesALabelOutOfRangeWithFileAndOffset) {
  const TinyFashionMnist files;
  write_bytes(files.path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {2}, {1, 10}));
  EXPECT_ERROR(files.load(), "t10k-labels-idx1-ubyte' (at byte 9: label 10 of 10 classes");
}

TEST(FashionMnist, RefusesFilesThatDoNotBelongTogether) {
  const TinyFashionMnist files;
  write_bytes(files.path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {1}, {1}));
  EXPECT_ERROR(files.load(), "at byte 4: 2 images, but 1 labels");
  write_bytes(files.path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {2}, {1, 2}));
  write_bytes(files.path("t10k-images-idx3-ubyte"), idx_bytes(0x803, {2, 1, 2}, {1, 2, 3, 4}));
  EXPECT_ERROR(files.load(), "differ in size (at byte 8: 2×2 and 1×2)");
}

TEST(FashionMnist, SaysWhichFileIsMissingAndWhereToGetIt) {
  const TinyFashionMnist files;
  std::filesystem::remove(files.path("train-labels-idx1-ubyte.gz"));
  EXPECT_ERROR(files.load(),
               "train-labels-idx1-ubyte.gz' (nor the same file unpacked). Install "
               "Debian's package dataset-fashion-mnist");
}

TEST(LoadDataset, SuggestsAKnownName) {
  EXPECT_ERROR(load_dataset("fashion-minst", {}),
               "There is no data set 'fashion-minst'. Did you mean 'fashion-mnist'?");
}

/// `count` images of 3 channels; every pixel of image i is i, its label i too.
Images numbered_images(std::int64_t count) {
  const at::Tensor numbers = at::arange(count, at::kLong);
  return {numbers.to(at::kByte).view({-1, 1, 1, 1}).expand({-1, 3, 2, 2}).contiguous(), numbers};
}

std::set<std::int64_t> members(const Images& images) {
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
  const Images images = numbered_images(50);
  const Split all = split_training_set(images, 0, 20, 1);
  const Split few = split_training_set(images, 7, 20, 1);
  EXPECT_TRUE(few.validation.labels.equal(all.validation.labels));
  EXPECT_TRUE(few.train.labels.equal(all.train.labels.narrow(0, 0, 7)));
}

TEST(Split, DependsOnTheSeedAlone) {
  const Images images = numbered_images(50);
  const auto labels = [&images](std::uint64_t seed) {
    return split_training_set(images, 0, 20, seed).train.labels;
  };
  EXPECT_TRUE(labels(1).equal(labels(1)));
  EXPECT_FALSE(labels(1).equal(labels(2)));
}

TEST(Split, RefusesSizesThatDoNotFit) {
  const Images images = numbered_images(50);
  EXPECT_ERROR(split_training_set(images, 0, 50, 1),
               "A validation set of 50 images (the training set has 50, and some must be left to "
               "train on). Choose 1 to 49.");
  EXPECT_ERROR(split_training_set(images, 0, 0, 1), "A validation set of 0 images");
  EXPECT_ERROR(split_training_set(images, 31, 20, 1),
               "31 images to train on (30 of 50 are left besides 20 to validate on)");
  EXPECT_ERROR(split_training_set(images, -1, 20, 1), "-1 images to train on");
}

TEST(Normalisation, IsTheMeanAndDeviationOfEachChannelOfTheTrainingSplit) {
  at::Tensor pixels = at::empty({2, 2, 1, 2}, at::kByte);
  pixels.select(1, 0).copy_(at::tensor({10, 20, 30, 40}, at::kByte).view({2, 1, 2}));
  pixels.select(1, 1).fill_(7);
  const Normalisation found = normalisation_of({pixels, at::zeros({2}, at::kLong)});
  EXPECT_TRUE(found.mean.allclose(at::tensor({25.0F, 7.0F})));
  EXPECT_TRUE(found.scale.allclose(at::tensor({1.0F / std::sqrt(125.0F), 1.0F})));

  const Split split = split_training_set(numbered_images(50), 10, 20, 3);
  const at::Tensor used = split.train.labels.to(at::kFloat);
  EXPECT_TRUE(split.normalisation.mean.allclose(used.mean().expand({3})));
  EXPECT_TRUE(split.normalisation.scale.allclose(1 / used.std(/*unbiased=*/false).expand({3})));
}

TEST(BatchOrder, UsesEveryImageOnceAnEpochAndFillsBatchesFromTheNext) {
  constexpr std::int64_t images = 10;
  constexpr std::int64_t batch = 4;
  BatchOrder order(images, batch, 1);
  std::vector<std::int64_t> sequence;
  for (std::int64_t step = 0; step < 25; ++step) {
    const auto indices = order.batch(step);
    ASSERT_EQ(indices.size(), 4U);
    sequence.insert(sequence.end(), indices.begin(), indices.end());
  }
  std::set<std::vector<std::int64_t>> epochs;
  for (auto from = sequence.begin(); from != sequence.end(); from += images) {
    std::vector<std::int64_t> epoch(from, from + images);
    epochs.insert(epoch);
    std::sort(epoch.begin(), epoch.end());
    for (std::int64_t i = 0; i < images; ++i) EXPECT_EQ(epoch[static_cast<std::size_t>(i)], i);
  }
  EXPECT_EQ(epochs.size(), 10U) << "epochs repeat an order";
}

TEST(BatchOrder, AnyStepCanBeAskedForAtAnyTime) {
  BatchOrder in_order(10, 4, 1);
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t step = 0; step < 8; ++step) batches.push_back(in_order.batch(step));
  BatchOrder backwards(10, 4, 1);
  for (std::int64_t step = 7; step >= 0; --step) {
    EXPECT_EQ(backwards.batch(step), batches[static_cast<std::size_t>(step)]);
  }
  EXPECT_NE(BatchOrder(10, 4, 2).batch(0), batches[0]);
}

}  // namespace
}  // namespace hierevo::nn
