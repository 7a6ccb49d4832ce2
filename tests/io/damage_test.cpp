#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "checksummed_header.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "samples.hpp"
#include "snapshot_files.hpp"
#include "support/scratch_folder.hpp"

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

/// `bytes` with a different value at `position`.
Bytes with_flip(Bytes bytes, std::size_t position, core::RandomStream& random) {
  bytes[position] ^= static_cast<std::byte>(1 + random.below(255));
  return bytes;
}

TEST(Damage, TornFilesAreRefused) {
  const Bytes bytes = good_bytes();
  core::RandomStream random(1);
  std::vector<std::size_t> lengths = {bytes.size() - 1, bytes.size() - 8, block_size + 1};
  for (std::size_t length = 0; length <= block_size; ++length) lengths.push_back(length);
  for (int i = 0; i < 200; ++i) lengths.push_back(random.below(bytes.size()));
  for (const std::size_t length : lengths) {
    EXPECT_THAT(refusal(std::span(bytes).first(length)), HasSubstr("'RUN/search.h5': it is "))
        << "cut to " << length;
  }
  EXPECT_THAT(refusal(std::span(bytes).first(bytes.size() / 2)), HasSubstr("it is torn"));
  EXPECT_THAT(refusal({}), HasSubstr("not a hierevo snapshot"));
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
  for (int i = 0; i < 1000; ++i) {
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
  // With another block after it, the version is believed.
  bytes[version + 2] = std::byte{'B'};
  EXPECT_THAT(refusal(bytes), HasSubstr("it was written by a newer hierevo"));
}

TEST(Damage, ContentThatIsNoHdf5IsRefused) {
  const Bytes content(5000, std::byte{'x'});
  EXPECT_THAT(refusal(with_checksummed_header(content, snapshot_kind)),
              HasSubstr("HDF5 refuses H5Fopen (file signature not found)"));
}

/// Many ways in which a file may be damaged: 200 cuts and 1,000 flipped bytes, many of them at its
/// beginning.
std::vector<Bytes> damaged_forms(const Bytes& bytes) {
  core::RandomStream random(4);
  const auto place = [&](int i) { return random.below(i % 4 == 0 ? 600 : bytes.size()); };
  std::vector<Bytes> forms;
  for (int i = 0; i < 200; ++i) {
    forms.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(place(i)));
  }
  for (int i = 0; i < 1000; ++i) forms.push_back(with_flip(bytes, place(i), random));
  return forms;
}

/// Without a sync, which is slow, and which some systems do when a file is overwritten.
void put(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class DamageOnDisk : public testing::Test {
 protected:
  DamageOnDisk() {
    for (const Snapshot& snapshot : snapshots_) save_snapshot(snapshot, path_);
  }

  /// Opens as the snapshot that is `age` saves old, and warns about every newer one.
  void expect_opens(std::size_t age) const {
    const auto loaded = load_snapshot(path_);
    ASSERT_TRUE(loaded);
    std::string where;
    EXPECT_TRUE(test::same(loaded->snapshot, snapshots_[2 - age], &where)) << where;
    EXPECT_EQ(loaded->path, names_[age]);
    ASSERT_EQ(loaded->warnings.size(), age);
    for (std::size_t i = 0; i < age; ++i) {
      EXPECT_THAT(loaded->warnings[i], HasSubstr("'" + names_[i].string() + "': it is "));
    }
  }

  hierevo::test::ScratchFolder folder_;
  std::filesystem::path path_ = folder_.path() / "search.h5";
  std::array<std::filesystem::path, 3> names_ = kept_names(path_);
  std::array<Snapshot, 3> snapshots_ = {test::random_snapshot(8, "flat", 3, 1),
                                        test::random_snapshot(8, "flat", 5, 1),
                                        test::random_snapshot(8, "flat", 9, 1)};
};

TEST_F(DamageOnDisk, TheNewestGoodSnapshotIsUsedAndTheDamagedNamed) {
  expect_opens(0);
  for (const Bytes& form : damaged_forms(core::read_file(names_[0]))) {
    put(names_[0], form);
    expect_opens(1);
  }
  const std::vector<Bytes> earlier = damaged_forms(core::read_file(names_[1]));
  for (std::size_t i = 0; i < earlier.size(); i += 10) {
    put(names_[1], earlier[i]);
    expect_opens(2);
  }
}

TEST_F(DamageOnDisk, WithoutAGoodSnapshotItIsRefused) {
  for (std::size_t i = 1; i < 3; ++i) std::filesystem::remove(names_[i]);
  for (const Bytes& form : damaged_forms(core::read_file(path_))) {
    put(path_, form);
    try {
      load_snapshot(path_);
      FAIL() << "it was accepted";
    } catch (const core::CheckpointError& error) {
      EXPECT_THAT(error.what(),
                  HasSubstr("none of its snapshots can be used ('" + path_.string() + "': it is "));
    }
  }
}

}  // namespace
}  // namespace hierevo::io
