#pragma once

#include <cstdint>

#include "hierevo/core/random.hpp"
#include "jpeg.hpp"

namespace hierevo::data {

/// Along one side of an image: its pixels [first, first + count) become `scaled` ones, of which the
/// first `skipped` are left out, and as many as a crop has are used.
struct ScaledSide {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t scaled = 0;
  std::int64_t skipped = 0;

  bool operator==(const ScaledSide&) const = default;
};

/// A square crop of an image.
struct ImageCrop {
  ScaledSide rows;
  ScaledSide columns;
  bool flipped = false;  ///< left to right

  bool operator==(const ImageCrop&) const = default;
};

/// A part of random position, area (8 to 100 % of the image, uniform) and shape (3:4 to 4:3,
/// uniform in its logarithm), scaled to `size`×`size`, and flipped with probability 1/2 when
/// `flip`: as networks for ImageNet have been trained since Szegedy et al. 2015. When ten draws do
/// not fit: the largest central part of such a shape.
ImageCrop draw_image_crop(ImageSize image, std::int64_t size, bool flip, core::RandomStream random);

/// The middle `size`×`size` of the image with its short side scaled to `short_side`.
ImageCrop center_crop(ImageSize image, std::int64_t short_side, std::int64_t size);

/// The short side of which tests use the middle `size`×`size`, 7/8 of it: 342 for 299.
std::int64_t usual_short_side(std::int64_t size);

}  // namespace hierevo::data
