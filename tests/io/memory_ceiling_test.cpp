// Whatever a file claims, reading it takes little more memory than its size.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>

#include "checksummed_header.hpp"
#include "data_packs.hpp"
#include "edited.hpp"
#include "h5.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/io/journal.hpp"
#include "image_shard_files.hpp"
#include "journal_format.hpp"
#include "sample_training.hpp"
#include "samples.hpp"
#include "support/memory_ceiling.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

namespace fs = std::filesystem;
using hierevo::test::within_memory;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t ceiling = std::size_t{24} << 20;
/// Of values, in bytes: more than twice the ceiling. Compressed they take a thousandth.
constexpr hsize_t many = hsize_t{64} << 20;

class MemoryCeiling : public testing::Test {
 protected:
  void SetUp() override {
    if (!hierevo::test::memory_can_be_limited) GTEST_SKIP() << "a sanitizer takes all memory";
  }

  /// Edits an HDF5 file on disk.
  static void edit(const fs::path& path, const std::function<void(hid_t file)>& edit) {
    const h5::Session session;
    const h5::File file(HIEREVO_H5(H5Fopen, path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    edit(file);
  }

  /// A file `size` bytes long, of which the disk has only the beginning.
  fs::path sparse(const char* name, std::string_view beginning, std::size_t size) const {
    const fs::path path = folder_.path() / name;
    core::replace_file(path, beginning);
    EXPECT_EQ(::truncate(path.c_str(), static_cast<off_t>(size)), 0);
    return path;
  }

  hierevo::test::ScratchFolder folder_;
  fs::path path_ = folder_.path() / "file";
};

/// Zeros in place of a vector, compressed.
void replace_by_many(hid_t file, const char* path, hid_t type) {
  const hsize_t rows = many / H5Tget_size(type);
  test::replace_by_packed_zeros(file, path, type, rows, rows / 64, rows);
}

/// Replaces a dataset by another of its file, under both names.
void replace_by_link(hid_t file, const char* path, const char* to) {
  test::remove_object(file, path);
  HIEREVO_H5(H5Lcreate_hard, file, to, file, path, H5P_DEFAULT, H5P_DEFAULT);
}

std::vector<Bytef> packed_zeros() {
  std::vector<Bytef> packed(::compressBound(many));
  uLongf size = packed.size();
  const std::vector<Bytef> zeros(many);
  EXPECT_EQ(::compress2(packed.data(), &size, zeros.data(), zeros.size(), 9), Z_OK);
  packed.resize(size);
  return packed;
}

/// Replaces the dataset's data by one chunk that unpacks to `many` bytes, however few values it
/// has.
void replace_by_bomb(hid_t file, const char* path, hid_t type, hsize_t rows) {
  static const std::vector<Bytef> bomb = packed_zeros();
  test::remove_object(file, path);
  const hsize_t chunk = 10'000;  // HDF5 would not store a smaller one of this length
  const hsize_t most = H5S_UNLIMITED;
  const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, &most));
  const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  HIEREVO_H5(H5Pset_chunk, creation, 1, &chunk);
  HIEREVO_H5(H5Pset_deflate, creation, 9);
  const h5::Dataset dataset(
      HIEREVO_H5(H5Dcreate2, file, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  const hsize_t first = 0;
  HIEREVO_H5(H5Dwrite_chunk, dataset, H5P_DEFAULT, 0, &first, bomb.size(), bomb.data());
}

std::vector<std::byte> edited_search(const std::function<void(hid_t file)>& edit) {
  return test::edited(encode_snapshot(test::random_snapshot(1, "1x3", 20, 2)), snapshot_kind, edit);
}

TEST_F(MemoryCeiling, OfASnapshotThatPacksManyRows) {
  const auto bytes = edited_search([](hid_t file) {
    replace_by_many(file, "individuals/id", H5T_STD_U64LE);
    for (const char* path : {"individuals/parent", "individuals/seed", "individuals/known"}) {
      replace_by_link(file, path, "individuals/id");
    }
  });
  EXPECT_LT(bytes.size(), 1U << 20);
  EXPECT_THAT(within_memory(ceiling, [&] { decode_snapshot(bytes, "search.h5"); }),
              HasSubstr("/individuals/id has 67108864 bytes of values, but only"));
}

TEST_F(MemoryCeiling, OfASnapshotWhoseManyDatasetsAreOne) {
  // Each one alone is within bounds.
  constexpr hsize_t rows = hsize_t{1} << 17;
  const auto bytes = edited_search([&](hid_t file) {
    test::replace_by_packed_zeros(file, "individuals/id", H5T_STD_U64LE, rows, rows / 64, rows);
    for (const char* path : {"individuals/parent", "individuals/seed", "individuals/known"}) {
      replace_by_link(file, path, "individuals/id");
    }
  });
  EXPECT_THAT(within_memory(ceiling, [&] { decode_snapshot(bytes, "search.h5"); }),
              HasSubstr("/individuals/parent has 1048576 bytes of values, but only"));
}

TEST_F(MemoryCeiling, OfAChunkThatUnpacksToMoreThanItsValues) {
  const auto bytes = edited_search(
      [](hid_t file) { replace_by_bomb(file, "individuals/fitness", H5T_IEEE_F64LE, 20); });
  EXPECT_LT(bytes.size(), 1U << 20);
  EXPECT_THAT(within_memory(ceiling, [&] { decode_snapshot(bytes, "search.h5"); }),
              HasSubstr("/individuals/fitness has a chunk that unpacks to more than its values"));
}

TEST_F(MemoryCeiling, OfFiltersThatMakeValuesOfNothing) {
  const auto bytes = edited_search([](hid_t file) {
    test::remove_object(file, "individuals/seconds");
    const hsize_t rows = 20;
    const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
    const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
    HIEREVO_H5(H5Pset_chunk, creation, 1, &rows);
    HIEREVO_H5(H5Pset_scaleoffset, creation, H5Z_SO_FLOAT_DSCALE, 2);
    const h5::Dataset dataset(HIEREVO_H5(H5Dcreate2, file, "individuals/seconds", H5T_IEEE_F64LE,
                                         space, H5P_DEFAULT, creation, H5P_DEFAULT));
    const std::vector<double> zeros(rows);
    HIEREVO_H5(H5Dwrite, dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data());
  });
  EXPECT_THAT(within_memory(ceiling, [&] { decode_snapshot(bytes, "search.h5"); }),
              HasSubstr("/individuals/seconds is compressed in a way that is not supported"));
}

TEST_F(MemoryCeiling, OfATraining) {
  const auto packed = [](const char* path, hid_t type, bool bomb) {
    return test::edited(encode_training(test::sample_training()), training_kind, [&](hid_t file) {
      bomb ? replace_by_bomb(file, path, type, 7) : replace_by_many(file, path, type);
    });
  };
  for (const bool bomb : {false, true}) {
    for (const char* path : {"weights/classifier.bias", "losses"}) {
      const hid_t type = std::string_view(path) == "losses" ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
      const auto bytes = packed(path, type, bomb);
      EXPECT_THAT(within_memory(ceiling, [&] { decode_training(bytes, "last.h5"); }),
                  AllOf(HasSubstr(path), HasSubstr(bomb ? "a chunk that unpacks to more"
                                                        : "67108864 bytes of values")));
    }
  }
}

TEST_F(MemoryCeiling, OfADataPack) {
  for (const bool bomb : {false, true}) {
    fs::remove(path_);
    test::write_pack(test::random_pack(20, 5), path_);
    edit(path_, [&](hid_t file) {
      bomb ? replace_by_bomb(file, "train/labels", H5T_STD_I64LE, 20)
           : replace_by_many(file, "train/labels", H5T_STD_I64LE);
    });
    EXPECT_THAT(within_memory(ceiling, [&] { read_data_pack(path_); }),
                HasSubstr(bomb ? "/train/labels has a chunk that unpacks to more than its values"
                               : "/train/labels has 67108864 bytes of values"));
  }
}

TEST_F(MemoryCeiling, ADataPackLargerThanMemoryIsNoBadPack) {
  test::write_pack(test::random_pack(20, 5), path_);
  edit(path_, [](hid_t file) {  // the disk has none of it
    test::remove_object(file, "train/labels");
    const hsize_t rows = static_cast<hsize_t>(core::usable_memory()) / 8 + 1;
    const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
    const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
    HIEREVO_H5(H5Pset_alloc_time, creation, H5D_ALLOC_TIME_EARLY);
    HIEREVO_H5(H5Pset_fill_time, creation, H5D_FILL_TIME_NEVER);
    const h5::Dataset dataset(HIEREVO_H5(H5Dcreate2, file, "train/labels", H5T_STD_I64LE, space,
                                         H5P_DEFAULT, creation, H5P_DEFAULT));
  });
  EXPECT_EQ(within_memory(ceiling, [&] { read_data_pack(path_); }), "no memory");
}

TEST_F(MemoryCeiling, OfImageShards) {
  test::write_sample_shards(folder_.path());
  const fs::path index = folder_.path() / shard_index_name;
  const fs::path shard = folder_.path() / shard_name(ImagePart::train, 1);
  const auto refusal = [&] {
    return within_memory(ceiling, [&] { open_image_shards(folder_.path()); });
  };
  edit(shard, [](hid_t file) { replace_by_many(file, "offset", H5T_STD_U64LE); });
  EXPECT_THAT(refusal(), HasSubstr("/offset has 67108864 bytes of values"));
  edit(index, [](hid_t file) { replace_by_bomb(file, "shard_crc32c", H5T_STD_U32LE, 3); });
  EXPECT_THAT(refusal(), HasSubstr("/shard_crc32c has a chunk that unpacks to more"));
  edit(index, [](hid_t file) { replace_by_many(file, "shard_crc32c", H5T_STD_U32LE); });
  EXPECT_THAT(refusal(), HasSubstr("/shard_crc32c has 67108864 bytes of values"));
}

TEST_F(MemoryCeiling, OfFilesThatSayTheyAreLong) {
  const std::string_view nothing = "hierevo snapshot 1\nbytes 1048576\ncrc32c 01234567\n";
  for (const std::size_t size : {snapshot_kind.longest, std::size_t{1} << 40}) {
    for (const std::string_view beginning : {std::string_view("no snapshot"), nothing}) {
      const fs::path snapshot = sparse("search.h5", beginning, size);
      EXPECT_THAT(within_memory(ceiling, [&] { load_snapshot(snapshot); }),
                  AllOf(HasSubstr("none of its snapshots can be used"),
                        testing::AnyOf(HasSubstr("it is "), HasSubstr("File too large"))));
      fs::remove(snapshot);
    }
  }
  const fs::path training =
      sparse("last.h5", "hierevo training 1\nbytes 1048576\n", training_kind.longest);
  EXPECT_THAT(within_memory(ceiling, [&] { load_training(training); }), HasSubstr("it is torn"));
}

TEST_F(MemoryCeiling, OfAJournalThatSaysItIsLong) {
  const Snapshot search = test::random_snapshot(1, "1x3", 20, 2);
  const fs::path snapshot = folder_.path() / "search.h5";
  const fs::path journal = folder_.path() / "journal";
  save_snapshot(search, snapshot);
  { const Journal begun(journal, search); }
  const std::size_t whole = fs::file_size(journal);
  ASSERT_EQ(::truncate(journal.c_str(), off_t{1} << 32), 0);
  const auto load = [&] {
    const auto loaded = load_search(snapshot, journal).value();
    if (loaded.snapshot.state.history.size() != 20) throw std::runtime_error("lost");
    throw std::runtime_error(loaded.warnings.at(0));
  };
  EXPECT_THAT(within_memory(ceiling, load),
              HasSubstr("what follows byte " + std::to_string(whole) + " is not used"));
  ASSERT_EQ(::truncate(journal.c_str(), off_t{1} << 40), 0);
  EXPECT_THAT(within_memory(ceiling, load), HasSubstr("File too large"));
}

TEST_F(MemoryCeiling, IsEnoughForWhatIsPackedHonestly) {
  // As repacking tools do, with only small columns.
  const auto bytes = edited_search([](hid_t file) {
    for (const char* path : {"individuals/macs", "individuals/parameters"}) {
      test::replace_by_packed_zeros(file, path, H5T_STD_I64LE, 20, 7, 20);
    }
  });
  EXPECT_EQ(within_memory(ceiling, [&] { decode_snapshot(bytes, "search.h5"); }), "done");
}

}  // namespace
}  // namespace hierevo::io
