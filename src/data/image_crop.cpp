#include "image_crop.hpp"

#include <algorithm>
#include <cmath>

namespace hierevo::data {

namespace {

constexpr double least_area = 0.08;
constexpr double widest = 4.0 / 3.0;

std::int64_t rounded(double value) {
  return std::max<std::int64_t>(1, std::llround(value));
}

std::int64_t draw_first(std::int64_t whole, std::int64_t part, core::RandomStream& random) {
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(whole - part + 1)));
}

/// The largest central part that is neither wider nor higher than allowed.
ImageCrop middle(ImageSize image, std::int64_t size) {
  const auto height = std::min(image.height, rounded(static_cast<double>(image.width) * widest));
  const auto width = std::min(image.width, rounded(static_cast<double>(image.height) * widest));
  return {.rows = {(image.height - height) / 2, height, size, 0},
          .columns = {(image.width - width) / 2, width, size, 0},
          .flipped = false};
}

}  // namespace

ImageCrop draw_image_crop(ImageSize image, std::int64_t size, bool flip,
                          core::RandomStream random) {
  const bool flipped = flip && random.below(2) == 1;
  const double area = static_cast<double>(image.height * image.width);
  ImageCrop crop = middle(image, size);
  constexpr int tries = 10;
  for (int i = 0; i < tries; ++i) {
    const double part = area * (least_area + (1.0 - least_area) * random.unit());
    const double shape = std::exp(std::log(widest) * (2.0 * random.unit() - 1.0));
    const std::int64_t width = rounded(std::sqrt(part * shape));
    const std::int64_t height = rounded(std::sqrt(part / shape));
    if (height > image.height || width > image.width) continue;
    const std::int64_t top = draw_first(image.height, height, random);
    const std::int64_t left = draw_first(image.width, width, random);
    crop.rows = {top, height, size, 0};
    crop.columns = {left, width, size, 0};
    break;
  }
  crop.flipped = flipped;
  return crop;
}

ImageCrop center_crop(ImageSize image, std::int64_t short_side, std::int64_t size) {
  const double factor =
      static_cast<double>(short_side) / static_cast<double>(std::min(image.height, image.width));
  const auto side = [&](std::int64_t length) {
    const auto scaled =
        std::max<std::int64_t>(short_side, std::llround(static_cast<double>(length) * factor));
    return ScaledSide{0, length, scaled, (scaled - size) / 2};
  };
  return {.rows = side(image.height), .columns = side(image.width), .flipped = false};
}

std::int64_t usual_short_side(std::int64_t size) {
  return std::llround(static_cast<double>(size) / 0.875);
}

}  // namespace hierevo::data
