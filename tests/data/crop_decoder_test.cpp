#include "crop_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/jpeg_files.hpp"

namespace hierevo::data {
namespace {

using test::jpeg_bytes;
using test::JpegCoding;
using test::rough_pixels;
using testing::HasSubstr;

using File = std::vector<std::byte>;
using Pixels = std::vector<std::uint8_t>;

File to_file(const std::vector<std::uint8_t>& values) {
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  return {bytes, bytes + values.size()};
}

File picture_file(unsigned height, unsigned width, JpegCoding coding = JpegCoding::baseline) {
  return to_file(jpeg_bytes(height, width, 3, rough_pixels(height, width, height), 95, coding));
}

Pixels decoded(const File& file, const ImageCrop& crop, std::int64_t size) {
  CropDecoder decoder;
  Pixels pixels(static_cast<std::size_t>(size * size * 3));
  decoder.decode(file, check_jpeg(file), crop, size, pixels);
  return pixels;
}

/// Pixel `index` of a side by the definition: a triangle over all pixels of the part.
double sampled(const ScaledSide& side, std::int64_t index,
               const std::function<double(std::int64_t)>& pixel) {
  const double step = static_cast<double>(side.count) / static_cast<double>(side.scaled);
  const double middle = (static_cast<double>(index + side.skipped) + 0.5) * step;
  double sum = 0.0;
  double weights = 0.0;
  for (std::int64_t i = 0; i < side.count; ++i) {
    const double distance = std::abs(static_cast<double>(i) + 0.5 - middle) / std::max(step, 1.0);
    if (distance >= 1.0) continue;
    weights += 1.0 - distance;
    sum += (1.0 - distance) * pixel(side.first + i);
  }
  return sum / weights;
}

/// The crop of the whole decoded picture, in double.
std::vector<double> by_definition(const DecodedImage& image, const ImageCrop& crop,
                                  std::int64_t size) {
  std::vector<double> across(static_cast<std::size_t>(image.size.height * size * 3));
  std::vector<double> result(static_cast<std::size_t>(size * size * 3));
  for (std::int64_t y = 0; y < image.size.height; ++y) {
    for (std::int64_t i = 0; i < size * 3; ++i) {
      const std::int64_t x = crop.flipped ? size - 1 - i / 3 : i / 3;
      across[static_cast<std::size_t>(y * size * 3 + i)] =
          sampled(crop.columns, x, [&](std::int64_t column) {
            return image
                .pixels[static_cast<std::size_t>((y * image.size.width + column) * 3 + i % 3)];
          });
    }
  }
  for (std::int64_t y = 0; y < size; ++y) {
    for (std::int64_t i = 0; i < size * 3; ++i) {
      result[static_cast<std::size_t>(y * size * 3 + i)] = sampled(
          crop.rows, y,
          [&](std::int64_t row) { return across[static_cast<std::size_t>(row * size * 3 + i)]; });
    }
  }
  return result;
}

struct Difference {
  double largest = 0.0;
  double mean = 0.0;
};

Difference difference(const Pixels& pixels, const std::vector<double>& expected) {
  Difference found;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const double here = std::abs(pixels[i] - expected[i]);
    found.largest = std::max(found.largest, here);
    found.mean += here / static_cast<double>(pixels.size());
  }
  return found;
}

void expect_as_defined(const File& file, const ImageCrop& crop, std::int64_t size) {
  const auto expected = by_definition(decode_jpeg(file), crop, size);
  const Difference found = difference(decoded(file, crop, size), expected);
  EXPECT_LE(found.largest, 0.51) << crop.rows.first << "+" << crop.rows.count << " "
                                 << crop.columns.first << "+" << crop.columns.count;
}

core::RandomStream draws(std::uint64_t id) {
  return core::RandomStream(3, id, "a test");
}

TEST(CropDecoder, DecodesWhatTheWholePictureWouldGive) {
  for (const auto& [height, width] : {std::pair{97U, 131U}, {64U, 48U}, {33U, 200U}, {9U, 7U}}) {
    for (const auto coding : {JpegCoding::baseline, JpegCoding::progressive}) {
      const File file = picture_file(height, width, coding);
      for (std::uint64_t i = 0; i < 25; ++i) {
        expect_as_defined(file, draw_image_crop({height, width}, 40, true, draws(i)), 40);
      }
      expect_as_defined(file, center_crop({height, width}, 48, 40), 40);
    }
  }
}

TEST(CropDecoder, DecodesSinglePixels) {
  const File file = picture_file(50, 50);
  for (const std::int64_t place : {0, 1, 15, 16, 17, 31, 49}) {
    expect_as_defined(file, {{place, 1, 3, 0}, {49 - place, 1, 3, 0}, false}, 3);
    expect_as_defined(file, {{0, 50, 5, 0}, {place, 1, 5, 0}, true}, 5);
    expect_as_defined(file, {{place, 1, 5, 0}, {0, 50, 5, 0}, true}, 5);
  }
  expect_as_defined(picture_file(1, 1), {{0, 1, 4, 0}, {0, 1, 4, 0}, false}, 4);
}

TEST(CropDecoder, GreyAndInksBecomeColours) {
  Pixels grey(60 * 80);
  Pixels cmyk(60 * 80 * 4);
  for (std::size_t i = 0; i < cmyk.size(); ++i) {
    cmyk[i] = static_cast<std::uint8_t>(i / 3 % 251);
    grey[i / 4] = static_cast<std::uint8_t>(i / 40 % 256);
  }
  const ImageCrop crop = draw_image_crop({60, 80}, 20, true, draws(1));
  expect_as_defined(to_file(jpeg_bytes(60, 80, 1, grey)), crop, 20);
  // CMYK becomes RGB before scaling, in both.
  expect_as_defined(to_file(jpeg_bytes(60, 80, 4, cmyk)), crop, 20);
}

TEST(CropDecoder, LargePicturesAreDecodedSmaller) {
  const File file = to_file(jpeg_bytes(600, 500, 3, test::smooth_pixels(600, 500, 5), 95));
  for (const std::int64_t size : {10, 25, 60, 120}) {
    for (std::uint64_t i = 0; i < 4; ++i) {
      const ImageCrop crop = draw_image_crop({600, 500}, size, true, draws(i));
      const auto expected = by_definition(decode_jpeg(file), crop, size);
      const Difference found = difference(decoded(file, crop, size), expected);
      EXPECT_LE(found.mean, 0.6);
      EXPECT_LE(found.largest, 3.0);
    }
  }
}

TEST(CropDecoder, OneDecoderServesPicturesOfAllSizes) {
  CropDecoder decoder;
  for (const unsigned height : {30U, 200U, 10U}) {
    const File file = picture_file(height, 50);
    const ImageCrop crop = center_crop({height, 50}, 20, 16);
    Pixels pixels(16 * 16 * 3);
    decoder.decode(file, {height, 50}, crop, 16, pixels);
    EXPECT_EQ(pixels, decoded(file, crop, 16));
  }
}

/// The decoder's message about a file that should be 64×48.
std::string refusal(const File& file) {
  CropDecoder decoder;
  Pixels pixels(16 * 16 * 3);
  try {
    decoder.decode(file, {64, 48}, {{0, 64, 16, 0}, {0, 48, 16, 0}, false}, 16, pixels);
    return "";
  } catch (const BadJpeg& bad) {
    EXPECT_LE(bad.offset(), file.size());
    return bad.what();
  }
}

TEST(CropDecoder, RefusesOtherFiles) {
  EXPECT_THAT(refusal({}), HasSubstr("the file is empty"));
  EXPECT_THAT(refusal(picture_file(48, 64)), HasSubstr("48×64 pixels instead of 64×48"));
  EXPECT_THAT(refusal(to_file({'t', 'e', 'x', 't'})), HasSubstr("Not a JPEG file"));
  const File png = to_file({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0});
  EXPECT_THAT(refusal(png), HasSubstr("it is a PNG image, whatever its name says"));
}

TEST(CropDecoder, RefusesCutFiles) {
  for (const auto coding : {JpegCoding::baseline, JpegCoding::progressive}) {
    const File file = picture_file(64, 48, coding);
    EXPECT_EQ(refusal(file), "");
    for (std::size_t length = 0; length + 2 < file.size(); length += 7) {
      const File cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_THROW(decode_jpeg(cut), BadJpeg) << length;
      EXPECT_THROW(check_jpeg(cut), BadJpeg) << length;
    }
  }
}

/// Each scan takes as long as a whole picture, and may have only a few bytes.
TEST(CropDecoder, RefusesMoreScansThanAnybodyNeeds) {
  const auto file_of = [](int scans) {
    return to_file(test::jpeg_of_scans(64, 48, rough_pixels(64, 48, 1), scans));
  };
  EXPECT_EQ(refusal(file_of(100)), "");
  EXPECT_EQ(check_jpeg(file_of(100)), (ImageSize{64, 48}));
  const auto too_many = HasSubstr("more than 100 scans, each as slow to decode as a whole image");
  EXPECT_THAT(refusal(file_of(101)), too_many);
  EXPECT_THAT(inspect_jpeg(file_of(190)).problem, too_many);
  EXPECT_THROW(decode_jpeg(file_of(101)), BadJpeg);
}

TEST(CropDecoder, RefusesHugePictures) {
  File file = picture_file(64, 48);
  const std::byte frame[] = {std::byte{0xff}, std::byte{0xc0}};
  const auto sides = std::search(file.begin(), file.end(), std::begin(frame), std::end(frame)) + 5;
  std::fill_n(sides, 4, std::byte{0xfe});
  EXPECT_THAT(inspect_jpeg(file).problem, HasSubstr("65278×65278 pixels, more than 134217728"));
  std::fill_n(sides, 4, std::byte{0xff});  // more than libjpeg accepts
  EXPECT_THAT(inspect_jpeg(file).problem, HasSubstr("Maximum supported image dimension"));
}

TEST(CropDecoder, SurvivesDamage) {
  for (const auto coding : {JpegCoding::baseline, JpegCoding::progressive}) {
    const File good = picture_file(64, 48, coding);
    core::RandomStream random(5);
    int refused = 0;
    for (int i = 0; i < 3000; ++i) {
      File file = good;
      // Most of the damage goes into the headers, where more can be wrong.
      const std::size_t end = i % 3 == 0 ? file.size() : 700;
      for (int k = 0; k <= i % 4; ++k) {
        file[random.below(end)] = static_cast<std::byte>(random.below(256));
      }
      bool whole = true;
      try {
        check_jpeg(file);
      } catch (const BadJpeg&) {
        whole = false;
      }
      const bool cropped = refusal(file).empty();
      EXPECT_TRUE(cropped || !whole || refusal(file).find("instead of") != std::string::npos);
      if (!cropped) ++refused;
    }
    EXPECT_GT(refused, 500);
  }
}

}  // namespace
}  // namespace hierevo::data
