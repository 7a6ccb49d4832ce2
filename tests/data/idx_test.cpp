#include "idx.hpp"

#include <gtest/gtest.h>

#include "data/idx_files.hpp"
#include "hierevo/core/error.hpp"
#include "support/memory_ceiling.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::data {
namespace {

using test::Bytes;
using test::gzipped;
using test::idx_bytes;
using test::write_bytes;

const Bytes six_values = {1, 2, 3, 4, 5, 255};
const Bytes good_file = idx_bytes(0x802, {2, 3}, six_values);

/// The text with which `bytes`, written as `name`, are refused; empty when they are accepted.
std::string refusal(const std::string& name, const Bytes& bytes) {
  const test::ScratchFolder folder;
  write_bytes(folder.path() / name, bytes);
  try {
    read_idx(folder.path() / name, 2);
  } catch (const core::UsageError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("'" + (folder.path() / name).string() + "'"), std::string::npos) << text;
    return text;
  }
  return "";
}

void expect_refusal(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "'" << text << "' lacks '" << part << "'";
}

TEST(Idx, ReadsPlainAndGzippedFiles) {
  const test::ScratchFolder folder;
  write_bytes(folder.path() / "plain", good_file);
  write_bytes(folder.path() / "packed.gz", gzipped(good_file));
  for (const char* name : {"plain", "packed.gz"}) {
    const IdxArray array = read_idx(folder.path() / name, 2);
    EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3})) << name;
    EXPECT_EQ(array.values, six_values) << name;
    EXPECT_EQ(array.offset_of(4), 16U);
  }
}

TEST(Idx, ReadsFilesLargerThanItsBuffers) {
  Bytes values(3'000'000);
  std::uint32_t state = 1;
  for (auto& value : values) {  // noise, so that the packed file is large too
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  const test::ScratchFolder folder;
  write_bytes(folder.path() / "large.gz", gzipped(idx_bytes(0x801, {3'000'000}, values)));
  EXPECT_EQ(read_idx(folder.path() / "large.gz", 1).values, values);
}

TEST(Idx, RefusesAMissingFile) {
  const test::ScratchFolder folder;
  EXPECT_THROW(read_idx(folder.path() / "absent", 2), core::UsageError);
}

TEST(Idx, RefusesAWrongMagicNumber) {
  expect_refusal(refusal("file", idx_bytes(0x803, {2, 3}, six_values)),
                 "at byte 0: magic number 0x00000803; IDX bytes in 2 dimensions have 0x00000802");
  // Signed bytes instead of unsigned ones.
  expect_refusal(refusal("file", idx_bytes(0x902, {2, 3}, six_values)), "at byte 0");
  // A gzip stream under a name without .gz.
  expect_refusal(refusal("file", gzipped(good_file)), "at byte 0: magic number 0x1f8b");
}

TEST(Idx, RefusesAFileThatIsTooShort) {
  for (std::size_t size = 0; size < good_file.size(); ++size) {
    const Bytes part(good_file.begin(), good_file.begin() + static_cast<std::ptrdiff_t>(size));
    expect_refusal(refusal("file", part), "at byte " + std::to_string(size) + ":");
    expect_refusal(refusal("file.gz", gzipped(part)), "at byte " + std::to_string(size) + ":");
  }
}

TEST(Idx, RefusesAFileThatIsTooLong) {
  Bytes longer = good_file;
  longer.push_back(0);
  expect_refusal(refusal("file", longer), "at byte 18: 19 bytes in total; the header announces 18");
}

TEST(Idx, UnpacksNoMoreThanItsHeaderAnnounces) {
  if (!test::memory_can_be_limited) GTEST_SKIP() << "a sanitizer takes all memory";
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file.gz";
  Bytes longer = good_file;
  longer.resize(std::size_t{32} << 20);
  write_bytes(path, gzipped(longer));
  expect_refusal(test::within_memory(std::size_t{12} << 20, [&] { read_idx(path, 2); }),
                 "the header announces 18");
}

TEST(Idx, RefusesImpossibleDimensions) {
  expect_refusal(refusal("file", idx_bytes(0x802, {2, 0}, {})), "at byte 8: dimension 2 is 0");
  expect_refusal(refusal("file", idx_bytes(0x802, {0xffffffff, 0xffffffff}, six_values)),
                 "at byte 4: the dimensions make more than 2 GiB");
  expect_refusal(refusal("file", idx_bytes(0x802, {0x10000, 0x10000}, six_values)),
                 "at byte 8: the dimensions make more than 2 GiB");
}

TEST(Idx, RefusesATruncatedGzipStreamWhereverItEnds) {
  const Bytes packed = gzipped(good_file);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    const Bytes part(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
    expect_refusal(refusal("file.gz", part),
                   "at byte " + std::to_string(size) + ": the gzip stream is truncated");
  }
}

TEST(Idx, RefusesEveryDamagedGzipStream) {
  const Bytes packed = gzipped(good_file);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    // Time, extra flags and operating system say nothing about the contents.
    if (i >= 4 && i < 10) continue;
    Bytes damaged = packed;
    damaged[i] ^= 0x55;
    EXPECT_NE(refusal("file.gz", damaged), "") << "byte " << i;
  }
  expect_refusal(refusal("file.gz", good_file), "at byte ");
  Bytes longer = packed;
  longer.push_back(0);
  expect_refusal(refusal("file.gz", longer), "at byte " + std::to_string(packed.size()) +
                                                 ": there is data after the gzip stream");
}

}  // namespace
}  // namespace hierevo::data
