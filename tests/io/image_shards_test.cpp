#include "hierevo/io/image_shards.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <thread>

#include "edited.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "image_shard_files.hpp"
#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

namespace fs = std::filesystem;
using hierevo::test::refusal;
using test::SampleImage;
using testing::HasSubstr;

void expect_images(const ShardedImages& images, std::int64_t first,
                   const std::vector<SampleImage>& expected) {
  std::vector<std::byte> file;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto place = first + static_cast<std::int64_t>(i);
    const auto& entry = images.entry(place);
    EXPECT_EQ(entry.label, expected[i].image.label);
    EXPECT_EQ(entry.height, expected[i].image.height);
    EXPECT_EQ(entry.width, expected[i].image.width);
    images.read(place, file);
    EXPECT_EQ(file, expected[i].file);
    EXPECT_THAT(images.name(place), HasSubstr(".h5: " + expected[i].image.name));
  }
}

class ImageShardsTest : public testing::Test {
 protected:
  void make_anew() {
    for (const auto& entry : fs::directory_iterator(root)) fs::remove(entry);
    test::write_sample_shards(root);
  }

  /// The message of opening good shards after `edit` of one of their files.
  std::string refusal_after(const std::string& name, const std::function<void(hid_t)>& edit) {
    make_anew();
    {
      const h5::Session session;
      const h5::File file(HIEREVO_H5(H5Fopen, (root / name).c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
      edit(file);
    }
    const std::string text = refusal([&] { open_image_shards(root); });
    if (text != "accepted") {
      EXPECT_THAT(text, HasSubstr("'" + (root / name).string() + "'"));
    }
    return text;
  }

  const hierevo::test::ScratchFolder scratch;
  const fs::path root = scratch.path();
  const std::string shard = "train-00001.h5";
};

TEST_F(ImageShardsTest, ComeBackAsTheyWere) {
  test::write_sample_shards(root);
  EXPECT_TRUE(is_shard_folder(root));
  const ImageShards images = open_image_shards(root);
  EXPECT_EQ(images.source, "made by a test");
  EXPECT_EQ(images.class_names, (std::vector<std::string>{"cat", "dog", "Käfer"}));
  ASSERT_EQ(images.train.size(), 27U);
  ASSERT_EQ(images.test.size(), 5U);
  expect_images(images.train, 0, test::sample_images(20, 1));
  expect_images(images.train, 20, test::sample_images(7, 2));
  expect_images(images.test, 0, test::sample_images(5, 3));
  EXPECT_EQ(images.skipped, std::vector<std::string>{"Käfer/broken.JPEG"});
  EXPECT_EQ(images.pixel_mean, (std::array<double, 3>{20.0, 20.0, 35.0}));
  EXPECT_EQ(images.pixel_deviation, (std::array<double, 3>{10.0, 0.0, 5.0}));
}

TEST_F(ImageShardsTest, TheSameContentGivesTheSameBytes) {
  const fs::path other = root / "other";
  fs::create_directory(other);
  test::write_sample_shards(root);
  test::write_sample_shards(other);
  for (const char* name : {"index.h5", "train-00000.h5", "train-00001.h5", "test-00000.h5"}) {
    EXPECT_EQ(core::read_file(root / name), core::read_file(other / name)) << name;
  }
}

TEST_F(ImageShardsTest, OfTwoThatMakeTheSameShardOneIsKept) {
  const auto images = test::sample_images(4, 1);
  test::write_shard(root, {ImagePart::train, 0, 77}, images);
  const auto before = core::read_file(root / "train-00000.h5");
  test::write_shard(root, {ImagePart::train, 0, 77}, test::sample_images(9, 2));
  EXPECT_EQ(core::read_file(root / "train-00000.h5"), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(root), {}), 1);  // no temporary file
}

TEST_F(ImageShardsTest, AnUnfinishedOneLeavesNothing) {
  {
    ImageShardWriter writer(root, {}, 1000);
    for (const auto& image : test::sample_images(2, 1)) writer.append(image.image, image.file);
    EXPECT_EQ(std::distance(fs::directory_iterator(root), {}), 1);
    const std::vector<std::byte> too_long(1001);
    EXPECT_THROW(writer.append({"a", 0, 1, 1}, too_long), core::InternalError);
  }
  EXPECT_TRUE(fs::is_empty(root));
  EXPECT_FALSE(is_shard_folder(root));
  EXPECT_THROW(ImageShardWriter(root / "none", {}, 1), core::IoError);
}

TEST_F(ImageShardsTest, ThreadsReadAtOnce) {
  test::write_sample_shards(root);
  const ImageShards images = open_image_shards(root);
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] { expect_images(images.train, 0, test::sample_images(20, 1)); });
  }
}

TEST_F(ImageShardsTest, RefusesMissingFilesAndParts) {
  EXPECT_THAT(refusal([&] { open_image_shards(root); }), HasSubstr("There is no file"));
  EXPECT_EQ(refusal_after(shard, [](hid_t) {}), "accepted");
  for (const char* name :
       {"bytes", "offset", "length", "crc32c", "label", "height", "width", "sample"}) {
    EXPECT_THAT(refusal_after(shard, [=](hid_t file) { test::remove_object(file, name); }),
                HasSubstr("/" + std::string(name) + " is missing"));
  }
  for (const char* name : {"classes", "shard_crc32c", "pixel_mean", "pixel_deviation"}) {
    EXPECT_THAT(refusal_after("index.h5", [=](hid_t file) { test::remove_object(file, name); }),
                HasSubstr("/" + std::string(name) + " is missing"));
  }
  make_anew();
  fs::remove(root / "test-00000.h5");
  EXPECT_THAT(refusal([&] { open_image_shards(root); }),
              HasSubstr("There is no file '" + (root / "test-00000.h5").string()));
}

TEST_F(ImageShardsTest, RefusesOtherFormatsAndNewerVersions) {
  for (const char* name : {"index.h5", "train-00001.h5"}) {
    EXPECT_THAT(refusal_after(name,
                              [](hid_t file) {
                                HIEREVO_H5(H5Adelete, file, "version");
                                h5::write_attribute<std::uint32_t>(file, "version", 2);
                              }),
                HasSubstr("its version is 2, and this program reads 1 and earlier"));
    EXPECT_THAT(refusal_after(name,
                              [](hid_t file) {
                                HIEREVO_H5(H5Adelete, file, "format");
                                h5::write_fixed_text_attribute(file, "format", "hierevo.data");
                              }),
                HasSubstr("its format is 'hierevo.data' instead of 'hierevo.image"));
  }
}

TEST_F(ImageShardsTest, RefusesShardsOfAnotherPacking) {
  EXPECT_THAT(refusal_after(shard,
                            [](hid_t file) {
                              HIEREVO_H5(H5Adelete, file, "plan");
                              h5::write_attribute<std::uint64_t>(file, "plan", 78);
                            }),
              HasSubstr("does not belong here (it was made from other images"));
  make_anew();
  fs::remove(root / shard);
  test::write_shard(root, {ImagePart::train, 1, 77}, test::sample_images(7, 9));
  EXPECT_THAT(refusal([&] { open_image_shards(root); }), HasSubstr("it is not the shard that"));
  fs::copy_file(root / "train-00000.h5", root / shard, fs::copy_options::overwrite_existing);
  EXPECT_THAT(refusal([&] { open_image_shards(root); }), HasSubstr("does not belong here"));
}

TEST_F(ImageShardsTest, RefusesImagesThatAreNotThere) {
  const auto with = [](const char* name, auto values) {
    return [=](hid_t file) { test::replace_rows(file, name, {values.size()}, values); };
  };
  const std::vector<std::uint32_t> seven(7, 1);
  EXPECT_THAT(refusal_after(shard, with("offset", std::vector<std::uint64_t>(7, ~0ULL))),
              HasSubstr("bytes from 18446744073709551615 on, of "));
  EXPECT_THAT(refusal_after(shard, with("length", std::vector<std::uint32_t>(7, ~0U))),
              HasSubstr("image 0 has 4294967295 bytes from 0 on, of "));
  EXPECT_THAT(refusal_after(shard, with("length", std::vector<std::uint32_t>(7, 0))),
              HasSubstr("image 0 has 0 bytes from 0 on"));
  EXPECT_THAT(refusal_after(shard, with("width", std::vector<std::uint32_t>(7, 0))),
              HasSubstr("×0 pixels"));
  // More pixels than a JPEG file can have; areas must not overflow.
  EXPECT_THAT(refusal_after(shard, with("height", std::vector<std::uint32_t>(7, 65536))),
              HasSubstr("image 0 has 65536×"));
  EXPECT_THAT(refusal_after(shard, with("width", std::vector<std::uint32_t>(7, ~0U))),
              HasSubstr("×4294967295 pixels"));
  EXPECT_THAT(refusal_after(shard, with("crc32c", std::vector<std::uint32_t>(6, 0))),
              HasSubstr("/crc32c has 6 rows and /offset 7"));
  EXPECT_THAT(refusal_after(shard, with("label", std::vector<std::int64_t>(7, 0))),
              HasSubstr("it is not the shard that"));
  EXPECT_THAT(refusal_after(shard, with("sample", std::vector<std::uint64_t>(7, ~0ULL))),
              HasSubstr("/sample has impossible sums"));
  // The squares of this many would overflow with those of the other shards.
  EXPECT_THAT(refusal_after(
                  shard, with("sample", std::vector<std::uint64_t>{1ULL << 40, 0, 0, 0, 0, 0, 0})),
              HasSubstr("/sample has impossible sums"));
  EXPECT_THAT(refusal_after("index.h5", with("pixel_mean", std::vector<double>(3, 256.0))),
              HasSubstr("/pixel_mean is not three numbers"));
  EXPECT_THAT(refusal_after(shard,
                            [](hid_t file) {
                              test::remove_object(file, "bytes");
                              h5::create_rows<std::uint8_t>(file, "bytes",
                                                            std::array<std::size_t, 1>{5000});
                            }),
              HasSubstr("/bytes is not stored in one piece"));
  EXPECT_THAT(refusal_after("index.h5",
                            [](hid_t file) {
                              HIEREVO_H5(H5Adelete, file, "train_shards");
                              h5::write_attribute<std::uint32_t>(file, "train_shards", ~0U);
                            }),
              HasSubstr("4294967295 shards to train on"));
}

TEST_F(ImageShardsTest, NothingLeadsOutOfTheFile) {
  const std::string other = (root / "other.h5").string();
  EXPECT_THAT(refusal_after(shard,
                            [&](hid_t file) {
                              test::remove_object(file, "bytes");
                              HIEREVO_H5(H5Lcreate_external, other.c_str(), "bytes", file, "bytes",
                                         H5P_DEFAULT, H5P_DEFAULT);
                            }),
              HasSubstr("/bytes is a link to somewhere else"));
}

TEST_F(ImageShardsTest, NoIndexWithoutAnImageOfEveryClass) {
  test::write_shard(root, {ImagePart::train, 0, 77}, test::sample_images(2, 1));
  ShardPlan plan = test::sample_plan();
  plan.train_shards = 1;
  plan.test_shards = 0;
  EXPECT_THAT(refusal([&] { write_shard_index(root, plan); }),
              HasSubstr("Class 2, 'Käfer', has no training image"));
}

/// Opens the shards and reads all images; returns whether they are those of the first shard and the
/// second.
bool all_is_as_it_was(const fs::path& root) {
  const ImageShards images = open_image_shards(root);
  const auto expected = test::sample_images(7, 2);
  std::vector<std::byte> file;
  bool same = images.train.size() == 27;
  for (std::size_t i = 0; same && i < expected.size(); ++i) {
    const auto place = 20 + static_cast<std::int64_t>(i);
    images.train.read(place, file);
    same = file == expected[i].file && images.train.label(place) == expected[i].image.label;
  }
  return same;
}

TEST_F(ImageShardsTest, DamageIsRefusedOrDoesNotReachTheImages) {
  test::write_sample_shards(root);
  for (const char* name : {"train-00001.h5", "index.h5"}) {
    const std::vector<std::byte> good = core::read_file(root / name);
    core::RandomStream random(2);
    std::size_t refused = 0;
    for (int i = 0; i < 600; ++i) {
      std::vector<std::byte> bytes = good;
      bytes[random.below(good.size())] ^= static_cast<std::byte>(1 + random.below(255));
      test::write_anew(root / name, bytes);
      try {
        EXPECT_TRUE(all_is_as_it_was(root)) << name << " " << i;
      } catch (const core::Error& error) {
        EXPECT_THAT(error.what(), HasSubstr((root / "").string()));
        ++refused;
      }
    }
    EXPECT_GT(refused, 100U) << name;
    test::write_anew(root / name, good);
  }
}

TEST_F(ImageShardsTest, ADamagedImageIsNamed) {
  test::write_sample_shards(root);
  std::vector<std::byte> bytes = core::read_file(root / shard);
  const auto image = test::sample_images(7, 2)[4].file;
  const auto found = std::search(bytes.begin(), bytes.end(), image.begin(), image.end());
  ASSERT_NE(found, bytes.end());
  *found ^= std::byte{1};
  test::write_anew(root / shard, bytes);
  const ImageShards images = open_image_shards(root);
  std::vector<std::byte> file;
  try {
    images.train.read(24, file);
    FAIL();
  } catch (const core::IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("Cannot use '" + (root / shard).string() +
                                        ": Käfer/4.JPEG'. It is damaged"));
  }
}

TEST_F(ImageShardsTest, CutFilesAreRefused) {
  test::write_sample_shards(root);
  const std::vector<std::byte> good = core::read_file(root / shard);
  core::RandomStream random(3);
  std::vector<std::size_t> lengths = {0, 1, 8, good.size() - 1};
  for (int i = 0; i < 100; ++i) lengths.push_back(random.below(good.size()));
  for (const std::size_t length : lengths) {
    test::write_anew(root / shard, std::span(good).first(length));
    EXPECT_THAT(refusal([&] { open_image_shards(root); }), HasSubstr("Cannot use")) << length;
  }
}

}  // namespace
}  // namespace hierevo::io
