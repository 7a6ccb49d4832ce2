#include "cifar.hpp"

#include <gtest/gtest.h>

#include "data/idx_files.hpp"
#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::data {
namespace {

namespace fs = std::filesystem;
using test::Bytes;
using test::write_bytes;

/// A record whose red, green and blue planes are 1, 2 and 3 above `pixel`.
Bytes record(const Bytes& labels, std::uint8_t pixel) {
  Bytes bytes = labels;
  for (int plane = 1; plane <= 3; ++plane) {
    bytes.insert(bytes.end(), 1024, static_cast<std::uint8_t>(pixel + plane));
  }
  return bytes;
}

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes plane_of(const Images& images, std::size_t image, std::size_t plane) {
  const auto first =
      images.pixels.begin() + static_cast<std::ptrdiff_t>((3 * image + plane) * 1024);
  return {first, first + 1024};
}

/// CIFAR-10 with two images in each of its files.
class SmallCifar10 : public testing::Test {
 protected:
  SmallCifar10() {
    layout.train_records = 2;
    layout.test_records = 2;
    fs::create_directory(inner);
    std::uint8_t number = 0;
    for (const auto& name : layout.train_files) {
      const auto second = static_cast<std::uint8_t>(number + 1);
      write_bytes(inner / name, joined(record({number}, number), record({second}, second)));
      number = static_cast<std::uint8_t>(number + 2);
    }
    write_bytes(inner / layout.test_file, joined(record({7}, 100), record({0}, 101)));
  }

  CifarLayout layout = cifar10_layout();
  const test::ScratchFolder folder;
  const fs::path inner = folder.path() / layout.folder;
};

TEST_F(SmallCifar10, ReadsTheFolderOrTheOneAroundIt) {
  for (const auto& data_dir : {folder.path(), inner}) {
    EXPECT_TRUE(holds_cifar(layout, data_dir));
    const Dataset dataset = load_cifar(layout, data_dir);
    EXPECT_EQ(dataset.name, "cifar10");
    EXPECT_EQ(dataset.class_names[9], "9");
    EXPECT_EQ(dataset.train.shape, (ImageShape{3, {32, 32}}));
    EXPECT_EQ(dataset.train.labels, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    for (std::size_t image = 0; image < 10; ++image) {
      for (std::size_t plane = 0; plane < 3; ++plane) {
        EXPECT_EQ(plane_of(dataset.train, image, plane),
                  Bytes(1024, static_cast<std::uint8_t>(image + plane + 1)));
      }
    }
    EXPECT_EQ(dataset.test.labels, (std::vector<std::int64_t>{7, 0}));
  }
  EXPECT_FALSE(holds_cifar(cifar100_layout(), folder.path()));
}

TEST_F(SmallCifar10, TakesThePublishersNames) {
  write_bytes(inner / "batches.meta.txt", Bytes(1, 'x'));
  EXPECT_ERROR(load_cifar(layout, inner), "batches.meta.txt' (at byte 1: 1 names of 10 classes)");
  write_bytes(inner / "batches.meta.txt", Bytes(4097, 'x'));
  EXPECT_ERROR(load_cifar(layout, inner), "a name of 4097 bytes, more than 4096");
  const std::string names = "a\nb\nc\nd\ne\nf\ng\nh\ni\r\nj\n\n";
  write_bytes(inner / "batches.meta.txt", Bytes(names.begin(), names.end()));
  EXPECT_EQ(load_cifar(layout, inner).class_names[8], "i");
}

TEST_F(SmallCifar10, RefusesLabelsOutOfRangeWithFileAndOffset) {
  write_bytes(inner / "data_batch_3.bin", joined(record({1}, 0), record({10}, 0)));
  EXPECT_ERROR(load_cifar(layout, inner),
               "data_batch_3.bin' (at byte 3073: label 10, but the 10 classes count from 0)");
}

TEST_F(SmallCifar10, RefusesShortAndLongFiles) {
  write_bytes(inner / "test_batch.bin", record({1}, 0));
  EXPECT_ERROR(load_cifar(layout, inner),
               "test_batch.bin' (at byte 3073: 3073 bytes in total; 2 records of 3073 bytes make "
               "6146). Fetch the file again.");
  write_bytes(inner / "test_batch.bin", Bytes(6147));
  EXPECT_ERROR(load_cifar(layout, inner), "at byte 6146: 6147 bytes in total");
  write_bytes(inner / "test_batch.bin", {});
  EXPECT_ERROR(load_cifar(layout, inner), "at byte 0: 0 bytes in total");
}

TEST_F(SmallCifar10, NamesWhatIsMissingAndHowToGetIt) {
  fs::remove(inner / "data_batch_5.bin");
  EXPECT_ERROR(load_cifar(layout, inner),
               "data_batch_5.bin'. Unpack cifar-10-binary.tar.gz, and give that folder.");
  EXPECT_ERROR(load_cifar(layout, {}),
               "data_dir is empty (no package contains cifar10). Get "
               "cifar-10-binary.tar.gz from its publisher");
}

TEST(Cifar100, UsesTheFineLabels) {
  const test::ScratchFolder folder;
  CifarLayout layout = cifar100_layout();
  layout.train_records = 2;
  layout.test_records = 1;
  write_bytes(folder.path() / "train.bin", joined(record({19, 99}, 5), record({0, 41}, 6)));
  write_bytes(folder.path() / "test.bin", record({3, 20}, 7));
  const Dataset dataset = load_cifar(layout, folder.path());
  EXPECT_EQ(dataset.classes(), 100);
  EXPECT_EQ(dataset.train.labels, (std::vector<std::int64_t>{99, 41}));
  EXPECT_EQ(plane_of(dataset.train, 1, 2), Bytes(1024, 9));
  EXPECT_EQ(dataset.test.labels, (std::vector<std::int64_t>{20}));
  write_bytes(folder.path() / "test.bin", record({20, 20}, 7));
  EXPECT_ERROR(load_cifar(layout, folder.path()),
               "test.bin' (at byte 0: label 20, but the 20 classes");
}

TEST(Cifar, FilesOfOtherSizesThanPublishedAreRefused) {
  const test::ScratchFolder folder;
  write_bytes(folder.path() / "train.bin", record({1, 1}, 0));
  EXPECT_ERROR(load_dataset("cifar100", folder.path()), "50000 records of 3074 bytes make");
}

}  // namespace
}  // namespace hierevo::data
