#include "hierevo/data/dataset.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/idx_files.hpp"
#include "hierevo/core/error.hpp"
#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::data {
namespace {

using test::Bytes;
using test::gzipped;
using test::idx_bytes;
using test::write_bytes;

/// Four small files as the publishers name them: 10 training and 2 test images of 1×2.
class TinyFashionMnist {
 public:
  TinyFashionMnist() {
    Bytes pixels;
    for (std::uint8_t value = 0; value < 20; ++value) pixels.push_back(value);
    write_bytes(path("train-images-idx3-ubyte.gz"), gzipped(idx_bytes(0x803, {10, 1, 2}, pixels)));
    write_bytes(path("train-labels-idx1-ubyte.gz"), gzipped(idx_bytes(0x801, {10}, labels)));
    write_bytes(path("t10k-images-idx3-ubyte"), idx_bytes(0x803, {2, 1, 2}, {20, 21, 22, 23}));
    write_bytes(path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {2}, {1, 2}));
  }
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  Dataset load(std::string_view name = "fashion-mnist") const {
    return load_dataset(name, folder_.path());
  }
  const std::filesystem::path& folder() const { return folder_.path(); }

  const Bytes labels = {9, 0, 5, 1, 2, 3, 4, 6, 7, 8};

 private:
  test::ScratchFolder folder_;
};

TEST(FashionMnist, LoadsThePackagedFiles) {
  const Dataset dataset = load_dataset("fashion-mnist", {});
  EXPECT_EQ(dataset.name, "fashion-mnist");
  EXPECT_EQ(dataset.classes(), 10);
  EXPECT_EQ(dataset.class_names[9], "Ankle boot");
  const std::size_t image = 28 * 28;
  for (const Images* part : {&dataset.train, &dataset.test}) {
    EXPECT_EQ(part->shape, (ImageShape{1, {28, 28}}));
    EXPECT_EQ(part->pixels.size(), part->labels.size() * image);
  }
  // All classes have equally many images.
  for (std::int64_t label = 0; label < 10; ++label) {
    EXPECT_EQ(std::ranges::count(dataset.train.labels, label), 6000);
    EXPECT_EQ(std::ranges::count(dataset.test.labels, label), 1000);
  }
}

TEST(FashionMnist, LoadsGzippedAndPlainFiles) {
  const TinyFashionMnist files;
  const Dataset dataset = files.load();
  EXPECT_EQ(dataset.train.shape, (ImageShape{1, {1, 2}}));
  EXPECT_EQ(dataset.test.shape, dataset.train.shape);
  Bytes pixels(20);
  std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
  EXPECT_EQ(dataset.train.pixels, pixels);
  EXPECT_EQ(dataset.test.pixels, (Bytes{20, 21, 22, 23}));
  EXPECT_EQ(dataset.train.labels, (std::vector<std::int64_t>{9, 0, 5, 1, 2, 3, 4, 6, 7, 8}));
  EXPECT_EQ(dataset.test.labels, (std::vector<std::int64_t>{1, 2}));
}

TEST(FashionMnist, RefusesALabelOutOfRangeWithFileAndOffset) {
  const TinyFashionMnist files;
  write_bytes(files.path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {2}, {1, 10}));
  EXPECT_ERROR(files.load(), "t10k-labels-idx1-ubyte' (at byte 9: label 10, but the 10 classes");
}

TEST(FashionMnist, RefusesFilesThatDoNotBelongTogether) {
  const TinyFashionMnist files;
  write_bytes(files.path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {1}, {1}));
  EXPECT_ERROR(files.load(), "at byte 4: 2 images, but 1 labels");
  write_bytes(files.path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {2}, {1, 2}));
  write_bytes(files.path("t10k-images-idx3-ubyte"), idx_bytes(0x803, {2, 2, 1}, {1, 2, 3, 4}));
  EXPECT_ERROR(files.load(), "differ in size (at byte 8: 1×2 and 2×1)");
}

TEST(FashionMnist, SaysWhichFileIsMissingAndWhereToGetIt) {
  const TinyFashionMnist files;
  std::filesystem::remove(files.path("train-labels-idx1-ubyte.gz"));
  EXPECT_ERROR(files.load(),
               "train-labels-idx1-ubyte.gz' (and no unpacked one either). Install "
               "Debian's package dataset-fashion-mnist");
}

TEST(Mnist, AndItsRelativesNeedAFolder) {
  const TinyFashionMnist files;
  EXPECT_EQ(files.load("mnist").class_names[7], "7");
  EXPECT_EQ(datasets_in(files.folder()), std::vector<std::string_view>{"idx"});
  EXPECT_EQ(files.load("idx").classes(), 10);
  for (const char* name : {"mnist", "idx"}) {
    EXPECT_ERROR(load_dataset(name, {}), "data_dir is empty (no package contains " +
                                             std::string(name) +
                                             "). Give the folder with the publishers' four");
  }
  EXPECT_ERROR(load_dataset("mnist", files.folder() / "none"), "train-images-idx3-ubyte.gz'");
}

TEST(Idx, CountsTheClassesOfTheTrainingLabels) {
  const TinyFashionMnist files;
  write_bytes(files.path("train-labels-idx1-ubyte.gz"),
              gzipped(idx_bytes(0x801, {10}, {0, 1, 2, 0, 1, 2, 0, 1, 2, 0})));
  EXPECT_EQ(files.load("idx").classes(), 3);
  write_bytes(files.path("t10k-labels-idx1-ubyte"), idx_bytes(0x801, {2}, {3, 2}));
  EXPECT_ERROR(files.load("idx"), "t10k-labels-idx1-ubyte' (at byte 8: label 3, but the 3 classes");
}

TEST(LoadDataset, RefusesAClassWithoutATrainingImage) {
  const TinyFashionMnist files;
  write_bytes(files.path("train-labels-idx1-ubyte.gz"), gzipped(idx_bytes(0x801, {10}, Bytes(10))));
  EXPECT_ERROR(files.load(), "Cannot use fashion-mnist in '" + files.folder().string() +
                                 "' (class 1, 'Trouser', has no training image)");
}

TEST(LoadDataset, KnowsWhatIsInAFolder) {
  const test::ScratchFolder folder;
  EXPECT_TRUE(datasets_in(folder.path()).empty());
  std::filesystem::create_directory(folder.path() / "cifar-100-binary");
  write_bytes(folder.path() / "cifar-100-binary" / "train.bin", {});
  EXPECT_EQ(datasets_in(folder.path()), std::vector<std::string_view>{"cifar100"});
  write_bytes(folder.path() / "data_batch_1.bin", {});
  EXPECT_EQ(datasets_in(folder.path()), (std::vector<std::string_view>{"cifar10", "cifar100"}));
}

TEST(LoadDataset, SuggestsAKnownName) {
  EXPECT_ERROR(load_dataset("fashion-minst", {}),
               "There is no data set 'fashion-minst'. Did you mean 'fashion-mnist'?");
}

}  // namespace
}  // namespace hierevo::data
