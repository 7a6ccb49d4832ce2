#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "samples.hpp"
#include "support/scratch_folder.hpp"
#include "text_block.hpp"

namespace hierevo::io {
namespace {

using Bytes = std::vector<std::byte>;
using testing::HasSubstr;

Bytes good_bytes() {
  return encode_snapshot(test::random_snapshot(7, "hierarchical", 30, 2));
}

/// The text of the CheckpointError that decoding throws, or "accepted".
std::string refusal(std::span<const std::byte> bytes) {
  try {
    decode_snapshot(bytes, "RUN/search.h5");
    return "accepted";
  } catch (const core::CheckpointError& error) {
    return error.what();
  }
}

/// `bytes` with another value at `position`.
Bytes with_flip(Bytes bytes, std::size_t position, core::RandomStream& random) {
  bytes[position] ^= static_cast<std::byte>(1 + random.below(255));
  return bytes;
}

TEST(Damage, TornFilesAreRefused) {
  const Bytes bytes = good_bytes();
  core::RandomStream random(1);
  std::vector<std::size_t> lengths = {bytes.size() - 1, bytes.size() - 8, block_size + 1};
  for (std::size_t length = 0; length <= block_size; ++length) lengths.push_back(length);
  for (int i = 0; i < 100; ++i) lengths.push_back(random.below(bytes.size()));
  for (const std::size_t length : lengths) {
    EXPECT_THAT(refusal(std::span(bytes).first(length)), HasSubstr("'RUN/search.h5': it is "))
        << "cut to " << length;
  }
  EXPECT_THAT(refusal(std::span(bytes).first(bytes.size() / 2)), HasSubstr("it is torn"));
  EXPECT_THAT(refusal({}), HasSubstr("not a snapshot of hierevo"));
}

TEST(Damage, LongerFilesAreRefused) {
  Bytes bytes = good_bytes();
  bytes.push_back(std::byte{0});
  EXPECT_THAT(refusal(bytes), HasSubstr("it is torn"));
}

TEST(Damage, EveryFlippedByteOfTheTextBlockIsNoticed) {
  const Bytes bytes = good_bytes();
  core::RandomStream random(2);
  for (std::size_t position = 0; position < block_size; ++position) {
    EXPECT_THAT(refusal(with_flip(bytes, position, random)), HasSubstr("'RUN/search.h5': it is "))
        << "byte " << position;
  }
}

TEST(Damage, FlippedBytesOfTheContentAreNoticed) {
  const Bytes bytes = good_bytes();
  core::RandomStream random(3);
  std::vector<std::size_t> positions = {bytes.size() - 1};
  for (std::size_t i = 0; i < 96; ++i) positions.push_back(block_size + i);  // HDF5's superblock
  for (int i = 0; i < 400; ++i) {
    positions.push_back(block_size + random.below(bytes.size() - block_size));
  }
  for (const std::size_t position : positions) {
    EXPECT_THAT(refusal(with_flip(bytes, position, random)), HasSubstr("it is damaged"))
        << "byte " << position;
  }
}

TEST(Damage, ADamagedVersionIsNotTakenForANewOne) {
  Bytes bytes = good_bytes();
  const std::size_t version = std::string_view("hierevo snapshot ").size();
  bytes[version] = std::byte{'3'};
  EXPECT_THAT(refusal(bytes), HasSubstr("it is damaged"));
  // With another block behind it, the version is believed.
  bytes[version + 2] = std::byte{'B'};
  EXPECT_THAT(refusal(bytes), HasSubstr("it was written by a newer hierevo"));
}

TEST(Damage, ContentThatIsNoHdf5IsRefused) {
  const Bytes content(5000, std::byte{'x'});
  EXPECT_THAT(refusal(with_text_block(content, snapshot_kind)),
              HasSubstr("HDF5 refuses H5Fopen (file signature not found)"));
}

TEST(Damage, AnEarlierSnapshotIsUsedInstead) {
  const hierevo::test::ScratchFolder folder;
  const auto path = folder.path() / "search.h5";
  const Snapshot earlier = test::random_snapshot(8, "flat", 5, 1);
  const Snapshot newest = test::random_snapshot(8, "flat", 9, 1);
  save_snapshot(earlier, path);
  save_snapshot(newest, path);
  const Bytes bytes = core::read_file(path);
  core::RandomStream random(4);
  for (int i = 0; i < 60; ++i) {
    const std::size_t within = i % 2 == 0 ? 60 : bytes.size();
    const bool torn = i % 5 == 0;
    core::replace_file(path, torn ? Bytes(bytes.begin(), bytes.begin() + 10 * i)
                                  : with_flip(bytes, random.below(within), random));
    const auto loaded = load_snapshot(path);
    ASSERT_TRUE(loaded);
    std::string where;
    EXPECT_TRUE(test::same(loaded->snapshot, earlier, &where)) << where;
    EXPECT_EQ(loaded->path, path.string() + ".1");
    ASSERT_EQ(loaded->warnings.size(), 1U);
    EXPECT_THAT(loaded->warnings[0], HasSubstr(path.string() + "'"));
  }
}

}  // namespace
}  // namespace hierevo::io
