#include "image_crop.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace hierevo::data {
namespace {

core::RandomStream stream(std::uint64_t id) {
  return core::RandomStream(7, id, "a test");
}

void expect_within(const ImageCrop& crop, ImageSize picture, std::int64_t size) {
  for (const auto& [side, length] :
       {std::pair{crop.rows, picture.height}, std::pair{crop.columns, picture.width}}) {
    EXPECT_GE(side.first, 0);
    EXPECT_GE(side.count, 1);
    EXPECT_LE(side.first + side.count, length);
    EXPECT_GE(side.skipped, 0);
    EXPECT_LE(side.skipped + size, side.scaled);
  }
}

TEST(ImageCrop, LiesInThePictureWhateverItsShape) {
  for (const ImageSize picture :
       {ImageSize{375, 500}, {1, 1}, {1, 1000}, {1000, 1}, {3, 2}, {20, 4000}, {299, 299}}) {
    for (std::uint64_t i = 0; i < 200; ++i) {
      expect_within(draw_image_crop(picture, 299, true, stream(i)), picture, 299);
    }
    expect_within(center_crop(picture, 342, 299), picture, 299);
    expect_within(center_crop(picture, 299, 299), picture, 299);
  }
}

TEST(ImageCrop, AreasShapesPlacesAndFlipsAreUniform) {
  constexpr ImageSize picture{600, 600};
  constexpr int draws = 4000;
  double area = 0.0;
  double shape = 0.0;
  double place = 0.0;
  int flipped = 0;
  for (std::uint64_t i = 0; i < draws; ++i) {
    const ImageCrop crop = draw_image_crop(picture, 299, true, stream(i));
    const auto height = static_cast<double>(crop.rows.count);
    const auto width = static_cast<double>(crop.columns.count);
    const double part = height * width / 360'000.0;
    EXPECT_GT(part, 0.07);
    EXPECT_LT(std::abs(std::log(width / height)), std::log(4.0 / 3.0) + 0.02);
    area += part / draws;
    shape += std::log(width / height) / draws;
    place += (static_cast<double>(crop.rows.first) + height / 2.0) / 600.0 / draws;
    flipped += crop.flipped ? 1 : 0;
  }
  // Large parts whose shape does not fit are drawn again: a little less than (0.08 + 1) / 2.
  EXPECT_NEAR(area, 0.49, 0.03);
  EXPECT_NEAR(shape, 0.0, 0.01);
  EXPECT_NEAR(place, 0.5, 0.01);
  EXPECT_NEAR(flipped, draws / 2, 100);
}

TEST(ImageCrop, ComesFromItsStreamAlone) {
  constexpr ImageSize picture{375, 500};
  EXPECT_EQ(draw_image_crop(picture, 299, true, stream(1)),
            draw_image_crop(picture, 299, true, stream(1)));
  EXPECT_NE(draw_image_crop(picture, 299, true, stream(1)),
            draw_image_crop(picture, 299, true, stream(2)));
  for (std::uint64_t i = 0; i < 50; ++i) {
    EXPECT_FALSE(draw_image_crop(picture, 299, false, stream(i)).flipped);
  }
}

TEST(ImageCrop, WhereNoDrawFitsTheMiddleIsTaken) {
  const ImageCrop crop = draw_image_crop({10, 1000}, 299, false, stream(1));
  EXPECT_EQ(crop.rows, (ScaledSide{0, 10, 299, 0}));
  EXPECT_EQ(crop.columns, (ScaledSide{493, 13, 299, 0}));
}

TEST(ImageCrop, TestsSeeTheMiddleOfTheShortSide) {
  EXPECT_EQ(usual_short_side(299), 342);
  EXPECT_EQ(usual_short_side(224), 256);
  const ImageCrop crop = center_crop({375, 500}, 342, 299);
  EXPECT_EQ(crop.rows, (ScaledSide{0, 375, 342, 21}));
  EXPECT_EQ(crop.columns, (ScaledSide{0, 500, 456, 78}));
  EXPECT_FALSE(crop.flipped);
}

}  // namespace
}  // namespace hierevo::data
