#include "hierevo/data/image_folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "data/idx_files.hpp"
#include "data/jpeg_files.hpp"
#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::data {
namespace {

namespace fs = std::filesystem;
using test::Bytes;
using test::jpeg_bytes;
using test::smooth_pixels;
using test::write_bytes;

/// The size of this process's address space.
rlim_t mapped_bytes() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

class ImageFolderTest : public testing::Test {
 protected:
  void put(const std::string& name, const Bytes& bytes = {}) {
    fs::create_directories((root / name).parent_path());
    write_bytes(root / name, bytes);
  }

  ReadImage read(const std::string& name, std::int64_t size) {
    return read_image(root / name, size);
  }
  std::string problem_of(const std::string& name) { return read_image(root / name, 16).problem; }

  const test::ScratchFolder scratch;
  const fs::path root = scratch.path();
};

TEST_F(ImageFolderTest, SortsClassesAndFiles) {
  for (const char* name : {"train/dog/2.jpg", "train/dog/10.jpg", "train/cat/b.JPEG",
                           "train/cat/a.jpeg", "train/cat/.hidden", "val/dog/1.jpg"}) {
    put(name);
  }
  EXPECT_TRUE(is_image_folder(root));
  const ImageFolder found = scan_image_folder(root);
  EXPECT_EQ(found.class_names, (std::vector<std::string>{"cat", "dog"}));
  std::vector<std::string> names;
  for (const auto& [path, label] : found.train) {
    names.push_back(path.filename().string() + " " + std::to_string(label));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a.jpeg 0", "b.JPEG 0", "10.jpg 1", "2.jpg 1"}));
  EXPECT_EQ(found.test_folder, "val");
  ASSERT_EQ(found.test.size(), 1U);
  EXPECT_EQ(found.test[0].label, 1);
}

TEST_F(ImageFolderTest, MayHaveNothingToTestOn) {
  put("train/cat/a.jpg");
  const ImageFolder found = scan_image_folder(root);
  EXPECT_TRUE(found.test.empty());
  EXPECT_EQ(found.test_folder, "");
}

TEST_F(ImageFolderTest, RefusesWhatDoesNotBelong) {
  EXPECT_FALSE(is_image_folder(root));
  fs::create_directories(root / "train");
  EXPECT_ERROR(scan_image_folder(root), "There is no class folder in '");
  put("train/cat/a.jpg");
  fs::create_directories(root / "train/dog");
  EXPECT_ERROR(scan_image_folder(root),
               "There is no image in '" + (root / "train/dog").string() + "' (a class needs");
  put("train/dog/a.png");
  EXPECT_ERROR(scan_image_folder(root), "train/dog/a.png' is not a JPEG file by its name");
  fs::rename(root / "train/dog/a.png", root / "train/dog/a.jpg");
  put("train/list.txt");
  EXPECT_ERROR(scan_image_folder(root), "train/list.txt' is in no class folder");
  fs::remove(root / "train/list.txt");
  put("test/cow/a.jpg");
  EXPECT_ERROR(scan_image_folder(root), "test/cow' is a class without training images (there");
}

TEST_F(ImageFolderTest, ATestFolderWithoutClassesIsPassedOverForAnother) {
  put("train/cat/a.jpg");
  put("test/1.jpg");
  EXPECT_ERROR(scan_image_folder(root), "test/1.jpg' is in no class folder");
  put("val/cat/b.jpg");
  EXPECT_EQ(scan_image_folder(root).test_folder, "val");
  fs::rename(root / "val", root / "validation");
  EXPECT_EQ(scan_image_folder(root).test_folder, "validation");
  // One with class folders is used, and what does not belong there is reported.
  put("test/cat/2.jpg");
  EXPECT_ERROR(scan_image_folder(root), "test/1.jpg' is in no class folder");
  fs::remove(root / "test/1.jpg");
  EXPECT_EQ(scan_image_folder(root).test_folder, "test");
  EXPECT_EQ(scan_image_folder(root).test.front().path.filename(), "2.jpg");
}

TEST_F(ImageFolderTest, ATestFolderWithoutClassesMayHaveLabels) {
  put("train/cat/a.jpg");
  put("train/dog/a.jpg");
  put("test/1.jpg");
  put("labels", {'d', 'o', 'g', 10});
  const ImageFolder alone = scan_image_folder(root, {root / "labels", {}, {}});
  EXPECT_EQ(alone.test_folder, "test");
  EXPECT_EQ(alone.test.front().label, 1);
  put("val/1.jpg");
  EXPECT_EQ(scan_image_folder(root, {root / "labels", {}, {}}).test_folder, "val");
}

TEST_F(ImageFolderTest, NamesFoldersThatItDoesNotLookInto) {
  put("train/cat/a.jpg");
  put("valid/cat/a.jpg");
  EXPECT_EQ(scan_image_folder(root).unused, std::vector<std::string>{"valid"});
  put("test/cat/a.jpg");
  put("val/cat/a.jpg");
  EXPECT_EQ(scan_image_folder(root).unused, (std::vector<std::string>{"val", "valid"}));
}

/// train/CLASS/images/, val/images/ with labels beside it, and test/images/ without any.
TEST_F(ImageFolderTest, ReadsTinyImageNetAsItIs) {
  for (const std::string name : {"n01", "n02"}) {
    put("train/" + name + "/images/" + name + "_0.JPEG");
    put("train/" + name + "/" + name + "_boxes.txt");
  }
  put("test/images/test_0.JPEG");
  EXPECT_ERROR(scan_image_folder(root), "test/images/test_0.JPEG' is in no class folder");
  put("val/images/val_0.JPEG");
  put("val/images/val_1.JPEG");
  const std::string labels = "val_1.JPEG\tn01\t0\t32\t44\t62\nval_0.JPEG\tn02\t0\t0\t0\t9\n";
  put("val/val_annotations.txt", Bytes(labels.begin(), labels.end()));
  const ImageFolder found = scan_image_folder(root);
  EXPECT_EQ(found.class_names, (std::vector<std::string>{"n01", "n02"}));
  EXPECT_EQ(found.train.at(1).path, root / "train/n02/images/n02_0.JPEG");
  EXPECT_EQ(found.test_folder, "val/images");
  ASSERT_EQ(found.test.size(), 2U);
  EXPECT_EQ(found.test[0].path, root / "val/images/val_0.JPEG");
  EXPECT_EQ(found.test[0].label, 1);
  EXPECT_EQ(found.test[1].label, 0);
  EXPECT_EQ(found.unused, std::vector<std::string>{"test"});
  fs::remove(root / "val/val_annotations.txt");
  EXPECT_ERROR(scan_image_folder(root), "val/images/val_0.JPEG' is in no class folder");
  put("train/n01/more/a.jpg");
  fs::rename(root / "train/n01/images", root / "train/n01/other");
  EXPECT_ERROR(scan_image_folder(root),
               "train/n01/more' is a folder inside a class folder (images");
}

TEST_F(ImageFolderTest, LinksToNothingAreNamed) {
  put("train/cat/a.jpg");
  fs::create_symlink("/none/b", root / "train/cat/b.jpg");
  EXPECT_EQ(scan_image_folder(root).train.size(), 2U);  // an image's problem
  EXPECT_EQ(problem_of("train/cat/b.jpg"), "a link to '/none/b': No such file or directory");
  fs::create_symlink("/none/val", root / "val");
  EXPECT_ERROR(scan_image_folder(root), "val' is a broken link ('/none/val' does not exist). Fix");
  fs::rename(root / "val", root / "train/dog");
  EXPECT_ERROR(scan_image_folder(root), "train/dog' is a broken link ('/none/val' does not");
}

TEST_F(ImageFolderTest, ReadsColoursAsTheyAre) {
  put("a.jpg", jpeg_bytes(24, 40, 3, smooth_pixels(24, 40, 3)));
  const ReadImage image = read("a.jpg", 0);
  EXPECT_EQ(image.shape, (ImageShape{3, {24, 40}}));
  const auto wanted = smooth_pixels(24, 40, 3);
  ASSERT_EQ(image.pixels.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::size_t plane = i % 3;
    EXPECT_NEAR(image.pixels[plane * 24 * 40 + i / 3], wanted[i], 7);
  }
}

TEST_F(ImageFolderTest, GreyAndInksBecomeColours) {
  put("grey.jpg", jpeg_bytes(8, 8, 1, Bytes(64, 90)));
  EXPECT_EQ(read("grey.jpg", 0).pixels, Bytes(3 * 64, 90));
  Bytes cmyk;
  for (int i = 0; i < 64; ++i) cmyk.insert(cmyk.end(), {200, 100, 50, 255});
  put("cmyk.jpg", jpeg_bytes(8, 8, 4, cmyk));
  const ReadImage image = read("cmyk.jpg", 0);
  EXPECT_EQ(image.shape, (ImageShape{3, {8, 8}}));
  // libjpeg marks such files as Adobe's, which store light: full black ink is 0.
  EXPECT_EQ(image.pixels.at(0), 200);
  EXPECT_EQ(image.pixels.at(64), 100);
  EXPECT_EQ(image.pixels.at(128), 50);
}

TEST_F(ImageFolderTest, TheMiddleOfTheScaledImageIsTaken) {
  Bytes pixels;  // three vertical stripes of 64 columns
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 192; ++x) pixels.push_back(x < 64 ? 10 : x < 128 ? 120 : 230);
  }
  put("wide.jpg", jpeg_bytes(64, 192, 1, pixels));
  const ReadImage small = read("wide.jpg", 16);
  ASSERT_EQ(small.shape, (ImageShape{3, {16, 16}}));
  for (std::size_t i = 0; i < small.pixels.size(); ++i) {
    const std::size_t column = i % 16;
    if (column < 1 || column > 14) continue;
    EXPECT_NEAR(small.pixels[i], 120, 2);
  }
  for (const std::int64_t size : {64, 100}) {
    const ReadImage image = read("wide.jpg", size);
    EXPECT_EQ(image.shape, (ImageShape{3, {size, size}}));
    EXPECT_EQ(image.pixels.size(), image.shape.bytes());
  }
}

TEST_F(ImageFolderTest, SmallerImagesAreMeansNotSamples) {
  Bytes pixels;  // columns of black and white, finer than the small image can show
  for (int i = 0; i < 64 * 64; ++i) pixels.push_back(i % 2 == 0 ? 0 : 255);
  put("fine.jpg", jpeg_bytes(64, 64, 1, pixels));
  const ReadImage small = read("fine.jpg", 8);
  ASSERT_EQ(small.pixels.size(), 3U * 64);
  for (const std::uint8_t pixel : small.pixels) EXPECT_NEAR(pixel, 128, 11);
}

TEST_F(ImageFolderTest, DamageIsToldWithItsOffset) {
  const Bytes good = jpeg_bytes(64, 64, 3, smooth_pixels(64, 64, 1));
  put("a.jpg", good);
  EXPECT_EQ(problem_of("a.jpg"), "");
  put("a.jpg", Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.size() / 2)));
  EXPECT_EQ(problem_of("a.jpg").find("at byte "), 0U);
  EXPECT_NE(problem_of("a.jpg").find(": Premature end of JPEG file"), std::string::npos);
  EXPECT_TRUE(read("a.jpg", 0).pixels.empty());
  put("a.jpg", {0x89, 'P', 'N', 'G', 13, 10, 26, 10});
  EXPECT_EQ(problem_of("a.jpg"), "at byte 0: it is a PNG image, whatever its name says");
  put("a.jpg", {});
  EXPECT_EQ(problem_of("a.jpg"), "at byte 0: the file is empty");
  EXPECT_EQ(problem_of("none.jpg"), "No such file or directory");
  fs::create_directory(root / "folder.jpg");
  EXPECT_EQ(problem_of("folder.jpg"), "Is a directory");
  fs::create_symlink("loop.jpg", root / "loop.jpg");
  EXPECT_EQ(problem_of("loop.jpg"), "a link to 'loop.jpg': Too many levels of symbolic links");
}

TEST_F(ImageFolderTest, ManyThreadsReadTheSame) {
  std::vector<LabelledFile> files;
  for (unsigned i = 0; i < 40; ++i) {
    put(std::to_string(i), jpeg_bytes(30, 40, 3, smooth_pixels(30, 40, i)));
    files.push_back({root / std::to_string(i), 0});
  }
  put("7", {});
  const auto images = read_images(files, 16, 4);
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(images[i].problem.empty(), i != 7) << i;
    if (i == 7) continue;
    EXPECT_EQ(images[i].pixels, read_image(files[i].path, 16).pixels) << i;
  }
  fs::remove(root / "30");
  EXPECT_EQ(read_images(files, 16, 4)[30].problem, "No such file or directory");
}

TEST_F(ImageFolderTest, WhatIsNoRegularFileIsBroken) {
  ASSERT_EQ(::mkfifo((root / "pipe.jpg").c_str(), 0600), 0);
  const int silent = ::open((root / "pipe.jpg").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(problem_of("pipe.jpg"), "it is not a regular file");
  ::close(silent);
  ASSERT_EQ(::mknod((root / "socket.jpg").c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_EQ(problem_of("socket.jpg"), "it is not a regular file");
  fs::create_symlink("/dev/zero", root / "zero.jpg");
  EXPECT_EQ(problem_of("zero.jpg"), "a link to '/dev/zero': it is not a regular file");
}

/// Many could take gigabytes.
TEST_F(ImageFolderTest, AnImageOfAnotherSizeIsNotDecoded) {
  put("a.jpg", jpeg_bytes(30, 40, 3, smooth_pixels(30, 40, 1)));
  const ReadImage other = read_image(root / "a.jpg", 0, ImageSize{1, 1});
  EXPECT_EQ(other.shape, (ImageShape{3, {30, 40}}));
  EXPECT_EQ(other.problem, "");
  EXPECT_TRUE(other.pixels.empty());
  EXPECT_EQ(read_image(root / "a.jpg", 0, ImageSize{30, 40}).pixels.size(), 3u * 30 * 40);
}

/// With the short side scaled to 64, this one would have four million columns: 3 GB as numbers.
TEST_F(ImageFolderTest, OfAStripNoMoreIsScaledThanIsTaken) {
  put("wide.jpg", jpeg_bytes(1, 65500, 1, Bytes(65500, 90)));
  put("high.jpg", jpeg_bytes(65500, 1, 1, Bytes(65500, 90)));
  rlimit before{};
  ::getrlimit(RLIMIT_AS, &before);
  const rlimit tight{mapped_bytes() + (rlim_t{300} << 20), before.rlim_max};
  ::setrlimit(RLIMIT_AS, &tight);
  const ReadImage wide = read("wide.jpg", 64);
  const ReadImage high = read("high.jpg", 64);
  ::setrlimit(RLIMIT_AS, &before);
  for (const ReadImage& image : {wide, high}) {
    EXPECT_EQ(image.shape, (ImageShape{3, {64, 64}}));
    EXPECT_EQ(image.pixels, Bytes(3 * 64 * 64, 90));
  }
}

TEST_F(ImageFolderTest, NoDamageMakesItCrash) {
  const Bytes good = jpeg_bytes(40, 40, 3, smooth_pixels(40, 40, 1), 80);
  std::uint32_t state = 1;
  const auto random = [&state](std::size_t below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 8) % below;
  };
  for (int i = 0; i < 400; ++i) {
    Bytes bytes = good;
    bytes[random(bytes.size())] ^= static_cast<std::uint8_t>(1 + random(255));
    if (i % 4 == 0) bytes.resize(random(bytes.size()));
    put("a.jpg", bytes);
    const ReadImage image = read_image(root / "a.jpg", 16);
    EXPECT_EQ(image.pixels.empty(), !image.problem.empty());
  }
}

TEST_F(ImageFolderTest, HugeImagesAreRefusedBeforeTheyAreDecoded) {
  Bytes bytes = jpeg_bytes(8, 8, 1, Bytes(64, 90));
  for (std::size_t i = 0; i + 8 < bytes.size(); ++i) {
    if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) {  // the frame header: height and width follow
      bytes[i + 5] = bytes[i + 7] = 0xf0;
    }
  }
  put("a.jpg", bytes);
  EXPECT_NE(problem_of("a.jpg").find("61448×61448 pixels, more than 134217728"), std::string::npos);
}

}  // namespace
}  // namespace hierevo::data
