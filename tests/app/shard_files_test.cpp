// Images from JPEG files through shards into training batches.
#include "shard_files.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/nn/jpeg_batches.hpp"
#include "nn/jpeg_files.hpp"
#include "sharding.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::app {
namespace {

namespace fs = std::filesystem;

class ShardFilesTest : public testing::Test {
 protected:
  ShardFilesTest() {
    for (unsigned i = 0; i < 12; ++i) {
      const fs::path path =
          root / "images" / "train" / (i % 2 == 0 ? "cat" : "dog") / (std::to_string(i) + ".jpg");
      fs::create_directories(path.parent_path());
      const auto bytes = test::jpeg_bytes(30 + i, 40, 3, test::rough_pixels(30 + i, 40, i));
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    }
    PackingJob job;
    job.source = (root / "images").string();
    job.out = (root / "shards").string();
    job.shard_images = 5;
    make_shards(job);
  }

  const test::ScratchFolder scratch;
  const fs::path root = scratch.path();
};

TEST_F(ShardFilesTest, EveryImageComesOnceAnEpochWithItsLabel) {
  const io::ImageShards shards = io::open_image_shards(root / "shards");
  const ShardFiles files(shards.train);
  ASSERT_EQ(files.size(), 12);
  nn::JpegTrainingPixels pixels(files, {.batch = 4, .crop = 16, .threads = 2}, 1);
  std::int64_t dogs = 0;
  for (std::int64_t step = 0; step < 3; ++step) {
    const nn::Images images = pixels.at(step, {0, 4});
    EXPECT_EQ(images.pixels.sizes(), (std::vector<std::int64_t>{4, 3, 16, 16}));
    dogs += images.labels.sum().item<std::int64_t>();
  }
  EXPECT_EQ(dogs, 6);
  for (std::int64_t i = 0; i < files.size(); ++i) {
    EXPECT_THAT(files.name(i), testing::HasSubstr(files.label(i) == 0 ? "cat/" : "dog/"));
    EXPECT_EQ(files.picture(i).width, 40);
  }
}

TEST_F(ShardFilesTest, NormalisationIsThatOfTheSample) {
  const io::ImageShards shards = io::open_image_shards(root / "shards");
  const nn::Normalisation normalisation = normalisation_of(shards);
  EXPECT_FLOAT_EQ(normalisation.mean[1].item<float>(), static_cast<float>(shards.pixel_mean[1]));
  EXPECT_FLOAT_EQ(1.0F / normalisation.scale[2].item<float>(),
                  static_cast<float>(shards.pixel_deviation[2]));
}

TEST_F(ShardFilesTest, DamageReachesTheCallerWithTheImagesName) {
  const fs::path path = root / "shards" / "train-00000.h5";
  const io::ImageShards shards = io::open_image_shards(root / "shards");
  std::vector<std::byte> bytes = core::read_file(path);
  bytes.at(shards.train.entry(2).offset + 100) ^= std::byte{1};
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  const ShardFiles files(shards.train);
  nn::JpegTrainingPixels pixels(files, {.batch = 12, .crop = 16}, 1);
  try {
    pixels.at(0, {0, 12});
    FAIL();
  } catch (const core::IoError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("Cannot use '" + files.name(2)));
  }
}

}  // namespace
}  // namespace hierevo::app
