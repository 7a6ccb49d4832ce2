// Images from JPEG files through shards into batches.
#include "sharding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "data/jpeg_files.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/data/jpeg_batches.hpp"
#include "hierevo/io/image_shards.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::app {
namespace {

namespace fs = std::filesystem;

class ShardingTest : public testing::Test {
 protected:
  ShardingTest() {
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

TEST_F(ShardingTest, EveryImageComesOnceAnEpochWithItsLabel) {
  const io::ImageShards shards = io::open_image_shards(root / "shards");
  const io::ShardedImages& files = shards.train;
  ASSERT_EQ(files.size(), 12);
  data::JpegTrainingBatches batches(files, {.batch = 4, .crop = 16, .threads = 2}, 1);
  std::int64_t dogs = 0;
  for (std::int64_t step = 0; step < 3; ++step) {
    const data::DecodedBatch batch = batches.at(step, {0, 4});
    dogs += std::ranges::count(batch.labels, 1);
  }
  EXPECT_EQ(dogs, 6);
  for (std::int64_t i = 0; i < files.size(); ++i) {
    EXPECT_THAT(files.name(i), testing::HasSubstr(files.label(i) == 0 ? "cat/" : "dog/"));
    EXPECT_EQ(files.image_size(i).width, 40);
  }
}

TEST_F(ShardingTest, DamageReachesTheCallerWithTheImagesName) {
  const fs::path path = root / "shards" / "train-00000.h5";
  const io::ImageShards shards = io::open_image_shards(root / "shards");
  std::vector<std::byte> bytes = core::read_file(path);
  bytes.at(shards.train.entry(2).offset + 100) ^= std::byte{1};
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  const io::ShardedImages& files = shards.train;
  data::JpegTrainingBatches batches(files, {.batch = 12, .crop = 16}, 1);
  try {
    batches.at(0, {0, 12});
    FAIL();
  } catch (const core::IoError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("Cannot use '" + files.name(2)));
  }
}

}  // namespace
}  // namespace hierevo::app
