#include "hierevo/io/data_pack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <set>

#include "data_packs.hpp"
#include "edited.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

namespace fs = std::filesystem;
using hierevo::test::refusal;
using testing::HasSubstr;
using Part = DataPackWriter::Part;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

class DataPackTest : public testing::Test {
 protected:
  /// The message of reading a good pack after `edit`.
  std::string refusal_after(const std::function<void(hid_t file)>& edit) {
    fs::remove(path);
    test::write_pack(pack, path);
    {
      const h5::Session session;
      const h5::File file(HIEREVO_H5(H5Fopen, path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
      edit(file);
    }
    const std::string text = refusal([&] { read_data_pack(path); });
    if (text != "accepted") {
      EXPECT_THAT(text, HasSubstr("Cannot use '" + path.string() + "' ("));
      EXPECT_THAT(text, HasSubstr("Give a pack that hierevo prepare made"));
    }
    return text;
  }

  const hierevo::test::ScratchFolder folder;
  const fs::path path = folder.path() / "a pack.h5";
  const data::Dataset pack = test::random_pack(40, 9);
};

TEST_F(DataPackTest, ComesBackAsItWas) {
  for (const std::size_t train : {3U, 40U, 9000U}) {
    const data::Dataset written = test::random_pack(train, train / 4);
    fs::remove(path);
    test::write_pack(written, path);
    const data::Dataset read = read_data_pack(path);
    EXPECT_TRUE(test::same_images(read, written)) << train;
    EXPECT_EQ(read.name, "made by a test");
    EXPECT_EQ(read.class_names, written.class_names);
    EXPECT_EQ(read.train.shape, (data::ImageShape{3, {7, 5}}));
    EXPECT_EQ(read.test.shape, read.train.shape);
  }
}

TEST_F(DataPackTest, TheSameContentGivesTheSameBytes) {
  const fs::path other = folder.path() / "other.h5";
  const data::Dataset large = test::random_pack(5000, 70);
  test::write_pack(large, path);
  test::write_pack(large, other);
  EXPECT_EQ(core::read_file(path), core::read_file(other));
}

TEST_F(DataPackTest, MayHaveNothingToTestOn) {
  test::write_pack(test::random_pack(5, 0), path);
  EXPECT_TRUE(read_data_pack(path).test.labels.empty());
  EXPECT_TRUE(read_data_pack(path).test.pixels.empty());
}

TEST_F(DataPackTest, NeverReplacesAFile) {
  core::replace_file(path, std::string_view("precious"));
  EXPECT_THAT(refusal([&] { test::write_pack(pack, path); }),
              HasSubstr("'" + path.string() + "' is already there (files are not written over)"));
  EXPECT_EQ(core::read_text_file(path), "precious");
  // Nor one that appeared while it wrote.
  fs::remove(path);
  {
    DataPackWriter writer(path, test::info_of(pack), 40, 0);
    writer.append(Part::train, pack.train.pixels, pack.train.labels);
    core::replace_file(path, std::string_view("precious"));
    EXPECT_THAT(refusal([&] { writer.finish(); }), HasSubstr("is already there"));
  }
  EXPECT_EQ(core::read_text_file(path), "precious");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST_F(DataPackTest, AnUnfinishedOneLeavesNothing) {
  {
    DataPackWriter writer(path, test::info_of(pack), 40, 9);
    writer.append(Part::train, pack.train.pixels, pack.train.labels);
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(files_in(folder.path()), 1U);
    EXPECT_THROW(writer.finish(), core::InternalError);  // the test images are missing
  }
  EXPECT_EQ(files_in(folder.path()), 0U);
  const fs::path nowhere = folder.path() / "none" / "pack.h5";
  EXPECT_THROW(test::write_pack(pack, nowhere), core::IoError);
}

TEST_F(DataPackTest, LeavesOutAndNamesBrokenImages) {
  // Enough rows that whole chunks are left out too.
  const data::Dataset large = test::random_pack(9000, 9);
  data::Dataset kept = large;
  const std::size_t left = 4000;
  kept.train.labels.resize(left);
  kept.train.pixels.resize(left * large.train.shape.bytes());
  {
    DataPackWriter writer(path, test::info_of(large), 9000, 9);
    writer.append(Part::train, kept.train.pixels, kept.train.labels);
    writer.append(Part::test, large.test.pixels, large.test.labels);
    std::vector<std::string> names(9000 - left, "cat/1.jpg (at byte 0: the file is empty)");
    names.back() = "dog/\xff.jpg (at byte 7: cut)";
    writer.leave_out(Part::train, names);
    writer.finish();
  }
  EXPECT_TRUE(test::same_images(read_data_pack(path), kept));
  const h5::Session session;
  const h5::File file = h5::open_file_at(path.string());
  const auto named = h5::read_fixed_texts(h5::open_group(file, "train"), "skipped");
  ASSERT_EQ(named.size(), 9000 - left);
  EXPECT_EQ(named.front(), "cat/1.jpg (at byte 0: the file is empty)");
  EXPECT_EQ(named.back(), "dog/\uFFFD.jpg (at byte 7: cut)");
  EXPECT_FALSE(h5::has_member(h5::open_group(file, "test"), "skipped"));
}

TEST_F(DataPackTest, BrokenImagesMustLeaveSomeOfEveryClassAndToTestOn) {
  const std::vector<std::string> one = {"cat/1.jpg"};
  const auto refusal_of = [&](std::span<const std::int64_t> labels, std::size_t test) {
    DataPackWriter writer(path, test::info_of(pack), labels.size() + 1, 1);
    writer.append(Part::train, std::span(pack.train.pixels).first(labels.size() * 105), labels);
    writer.append(Part::test, std::span(pack.test.pixels).first(test * 105),
                  std::span(pack.test.labels).first(test));
    writer.leave_out(Part::train, one);
    if (test == 0) writer.leave_out(Part::test, one);
    return refusal([&] { writer.finish(); });
  };
  const std::vector<std::int64_t> all = {2, 1, 0};
  EXPECT_EQ(refusal_of(std::span(all).first(2), 1),
            "Class 0, 'cat', has no training image (all of its images are broken). Fix one, or "
            "remove its folder and start again.");
  EXPECT_EQ(refusal_of(all, 0),
            "There is no test image (all are broken). Fix one, or remove their folder.");
  EXPECT_EQ(files_in(folder.path()), 0U);
  EXPECT_EQ(refusal_of(all, 1), "accepted");
}

TEST_F(DataPackTest, RefusesWhatWasNotAnnounced) {
  DataPackWriter writer(path, test::info_of(pack), 40, 0);
  const auto append = [&](Part part, std::size_t pixels, std::vector<std::int64_t> labels) {
    writer.append(part, std::vector<std::uint8_t>(pixels), labels);
  };
  EXPECT_THROW(append(Part::test, 105, {0}), core::InternalError);
  EXPECT_THROW(append(Part::train, 104, {0}), core::InternalError);
  EXPECT_THROW(append(Part::train, 105, {3}), core::InternalError);
  EXPECT_THROW(append(Part::train, 105, {-1}), core::InternalError);
  append(Part::train, 40 * 105, std::vector<std::int64_t>(40));
  EXPECT_THROW(append(Part::train, 105, {0}), core::InternalError);
  const std::vector<std::string> one = {"cat/1.jpg"};
  EXPECT_THROW(writer.leave_out(Part::test, one), core::InternalError);
  writer.leave_out(Part::train, one);
  EXPECT_THROW(writer.finish(), core::InternalError);
}

TEST_F(DataPackTest, ManyProcessesReadAtOnceWithoutALock) {
  test::write_pack(pack, path);
  ::chmod(path.c_str(), 0444);
  // The kind of lock that HDF5 uses: it would keep a locking reader out.
  const int locked = ::open(path.c_str(), O_RDONLY);
  ASSERT_EQ(::flock(locked, LOCK_EX), 0);
  std::array<int, 2> gate{};
  ASSERT_EQ(::pipe(gate.data()), 0);
  std::vector<pid_t> readers;
  for (int i = 0; i < 8; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      char nothing = 0;
      ::close(gate[1]);
      const bool opened = ::read(gate[0], &nothing, 1) == 0;  // all begin when the gate closes
      ::_exit(opened && test::same_images(read_data_pack(path), pack) ? 0 : 1);
    }
    readers.push_back(pid);
  }
  ::close(gate[0]);
  ::close(gate[1]);
  for (const pid_t pid : readers) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  ::close(locked);
}

TEST_F(DataPackTest, RefusesWhatIsNoPack) {
  EXPECT_THAT(refusal([&] { read_data_pack(path); }),
              HasSubstr("There is no file '" + path.string() + "'. Make it with hierevo prepare."));
  EXPECT_THAT(refusal([&] { read_data_pack(folder.path()); }), HasSubstr("There is no file"));
  core::replace_file(path, std::string_view("text"));
  EXPECT_THAT(refusal([&] { read_data_pack(path); }), HasSubstr("file signature not found"));
}

TEST_F(DataPackTest, RefusesMissingParts) {
  EXPECT_EQ(refusal_after([](hid_t) {}), "accepted");
  for (const char* name : {"classes", "train", "train/pixels", "train/labels", "test/labels"}) {
    EXPECT_THAT(refusal_after([=](hid_t file) { test::remove_object(file, name); }),
                HasSubstr("/" + std::string(name) + " is missing"));
  }
  for (const char* name : {"format", "version", "source"}) {
    EXPECT_THAT(refusal_after([=](hid_t file) { HIEREVO_H5(H5Adelete, file, name); }),
                HasSubstr("attribute '" + std::string(name) + "' of / is missing"));
  }
}

TEST_F(DataPackTest, RefusesOtherFormatsAndNewerVersions) {
  const auto with_format = [](const char* format) {
    return [=](hid_t file) {
      HIEREVO_H5(H5Adelete, file, "format");
      h5::write_fixed_text_attribute(file, "format", format);
    };
  };
  EXPECT_THAT(refusal_after(with_format("hierevo.search")),
              HasSubstr("its format is 'hierevo.search' instead of 'hierevo.data'"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                HIEREVO_H5(H5Adelete, file, "version");
                h5::write_attribute<std::uint32_t>(file, "version", 2);
              }),
              HasSubstr("its version is 2, and this program reads 1 and earlier"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                HIEREVO_H5(H5Adelete, file, "source");
                h5::write_text_attribute(file, "source", "elsewhere");
              }),
              HasSubstr("attribute 'source' of / has a wrong type (not text of fixed length)"));
}

TEST_F(DataPackTest, RefusesLabelsOutOfRangeAndEmptyClasses) {
  for (const std::int64_t label : {std::int64_t{-1}, std::int64_t{3}}) {
    auto labels = pack.train.labels;
    labels[17] = label;
    EXPECT_THAT(
        refusal_after([&](hid_t file) { test::replace_rows(file, "train/labels", {40}, labels); }),
        HasSubstr(fmt::format("row 17 of /train/labels is label {} of 3 classes", label)));
  }
  auto labels = pack.train.labels;
  std::replace(labels.begin(), labels.end(), 1, 2);
  EXPECT_THAT(
      refusal_after([&](hid_t file) { test::replace_rows(file, "train/labels", {40}, labels); }),
      HasSubstr("class 1, 'dog', has no training image"));
}

TEST_F(DataPackTest, RefusesWrongTypesAndShapes) {
  EXPECT_THAT(refusal_after([&](hid_t file) {
                test::replace_rows(file, "train/labels", {40}, std::vector<std::uint8_t>(40));
              }),
              HasSubstr("/train/labels has a wrong type (8-bit unsigned integer instead of"));
  EXPECT_THAT(refusal_after([&](hid_t file) {
                test::replace_rows(file, "train/pixels", {40, 105}, pack.train.pixels);
              }),
              HasSubstr("/train/pixels has a wrong number of dimensions (not 4)"));
  EXPECT_THAT(refusal_after([&](hid_t file) {
                test::replace_rows(file, "train/pixels", {20, 3, 14, 5}, pack.train.pixels);
              }),
              HasSubstr("/train/pixels has 20 rows and /train/labels 40"));
  EXPECT_THAT(refusal_after([&](hid_t file) {
                test::replace_rows(file, "test/pixels", {9, 3, 5, 7}, pack.test.pixels);
              }),
              HasSubstr("/test/pixels has images of another size"));
  EXPECT_THAT(refusal_after([&](hid_t file) {
                test::remove_object(file, "classes");
                h5::write_strings(file, "classes", pack.class_names);
              }),
              HasSubstr("/classes has a wrong type (not text of fixed length)"));
}

TEST_F(DataPackTest, RefusesShapesThatTheFileCannotHold) {
  const auto with_shape = [](std::vector<std::size_t> shape) {
    return [=](hid_t file) {
      test::remove_object(file, "train/pixels");
      h5::create_rows<std::uint8_t>(file, "train/pixels", shape);
    };
  };
  EXPECT_THAT(refusal_after(with_shape({std::size_t{1} << 30, 3, 8, 8})),
              HasSubstr("/train/pixels has a shape of 206158430208 bytes but only 0 stored ones"));
  EXPECT_THAT(refusal_after(with_shape({40, 3, std::size_t{1} << 20, std::size_t{1} << 8})),
              HasSubstr("/train/pixels has chunks that are too large"));
  EXPECT_THAT(refusal_after(with_shape({std::size_t{1} << 41, 1, 1, 1})),
              HasSubstr("/train/pixels is too large"));
}

std::function<void(hid_t)> with_packed(const char* path, hid_t type, hsize_t rows, hsize_t chunk,
                                       hsize_t written) {
  return [=](hid_t file) { test::replace_by_packed_zeros(file, path, type, rows, chunk, written); };
}

TEST_F(DataPackTest, ASmallFileTakesNeitherMuchMemoryNorTime) {
  // In memory a text takes about 32 bytes.
  const hsize_t texts = hsize_t{1} << 20;
  EXPECT_THAT(refusal_after(with_packed("classes", H5T_C_S1, texts, texts, texts)),
              HasSubstr("/classes has 1048576 texts, more than the file has bytes"));
  EXPECT_THAT(refusal_after(with_packed("train/labels", H5T_STD_I64LE, 4000, 1, 4)),
              HasSubstr("/train/labels has 4000 chunks but only "));
}

TEST_F(DataPackTest, ValuesThatPackWellMayLieInSmallChunks) {
  const auto rows = static_cast<hsize_t>(pack.test.labels.size());
  EXPECT_EQ(refusal_after(with_packed("test/labels", H5T_STD_I64LE, rows, 1, rows)), "accepted");
}

TEST_F(DataPackTest, NothingLeadsOutOfTheFile) {
  const std::string other = (folder.path() / "other.h5").string();
  test::write_pack(pack, other);
  EXPECT_THAT(refusal_after([&](hid_t file) {
                test::remove_object(file, "train");
                HIEREVO_H5(H5Lcreate_external, other.c_str(), "train", file, "train", H5P_DEFAULT,
                           H5P_DEFAULT);
              }),
              HasSubstr("/train is a link to somewhere else"));
}

TEST_F(DataPackTest, DamageIsRefusedOrDoesNotReachTheImages) {
  test::write_pack(pack, path);
  const std::vector<std::byte> good = core::read_file(path);
  core::RandomStream random(2);
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < 512; ++i) positions.push_back(i);  // the file's own structure
  for (int i = 0; i < 1000; ++i) positions.push_back(random.below(good.size()));
  std::size_t refused = 0;
  for (const std::size_t position : positions) {
    std::vector<std::byte> bytes = good;
    bytes[position] ^= static_cast<std::byte>(1 + random.below(255));
    test::write_anew(path, bytes);
    try {
      EXPECT_TRUE(test::same_images(read_data_pack(path), pack)) << "byte " << position;
    } catch (const core::UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
      ++refused;
    }
  }
  EXPECT_GT(refused, positions.size() / 2);  // the rest fall into gaps between the objects
}

TEST_F(DataPackTest, DamagedPixelsAreNamed) {
  const data::Dataset large = test::random_pack(9000, 0);
  test::write_pack(large, path);
  std::vector<std::byte> bytes = core::read_file(path);
  const auto* pixels = reinterpret_cast<const std::byte*>(large.train.pixels.data());
  const auto found =
      std::search(bytes.begin(), bytes.end(), pixels + 8999 * 105, pixels + 9000 * 105);
  ASSERT_NE(found, bytes.end());
  *found ^= std::byte{1};
  core::replace_file(path, bytes);
  EXPECT_THAT(refusal([&] { read_data_pack(path); }),
              testing::ContainsRegex("rows [0-9]+ to 8999 of /train/pixels cannot be read"));
}

TEST_F(DataPackTest, CutFilesAreRefused) {
  test::write_pack(pack, path);
  const std::vector<std::byte> good = core::read_file(path);
  core::RandomStream random(3);
  std::vector<std::size_t> lengths = {0, 1, 8, good.size() - 1};
  for (int i = 0; i < 200; ++i) lengths.push_back(random.below(good.size()));
  for (const std::size_t length : lengths) {
    test::write_anew(path, std::span(good).first(length));
    EXPECT_THAT(refusal([&] { read_data_pack(path); }), HasSubstr("Cannot use")) << length;
  }
}

}  // namespace
}  // namespace hierevo::io
