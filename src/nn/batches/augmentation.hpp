#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <span>

#include "hierevo/core/random.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"

namespace hierevo::nn {

/// Where to cut each image of a batch, and which to mirror. Tensors of [N] on the CPU.
struct Crops {
  at::Tensor top;      ///< int64
  at::Tensor left;     ///< int64
  at::Tensor flipped;  ///< bool: mirrored left to right
};

/// Every offset equally likely; with `flip` each image is flipped with probability 1/2, else none.
/// `crop` must fit into `image`.
Crops draw_crops(std::int64_t count, data::ImageSize image, data::ImageSize crop, bool flip,
                 core::RandomStream random);

/// Where the rows of crops begin among the pixels of all images of a data set, which are numbered
/// image by image and row by row. Tensors of [N], int64.
struct CropPlaces {
  at::Tensor first;  ///< the upper left pixel of the crop
  at::Tensor step;   ///< to the next pixel of its row: 1, or -1 where it is mirrored
};

/// Of the images `indices`.
CropPlaces places_of(const Crops& crops, std::span<const std::int64_t> indices,
                     data::ImageSize image, data::ImageSize crop);

/// Cuts crops of one size out of images of one size.
class Cutter {
 public:
  /// On `device`.
  Cutter(data::ImageSize image, data::ImageSize crop, c10::Device device);

  /// `pixels` is [images × height × width, C]. The result is [N, C, height, width] of the same
  /// type, channels last.
  at::Tensor cut(const at::Tensor& pixels, const CropPlaces& places) const;

 private:
  data::ImageSize crop_;
  at::Tensor columns_;  ///< [1, 1, width]: 0, 1, 2, …
  at::Tensor rows_;     ///< [1, height, 1]: what lies between the first pixel and a row's
};

/// Factors for each image of a batch. Tensors of [N], float32.
struct ColourChanges {
  at::Tensor brightness;
  at::Tensor contrast;
};

/// Factors uniform in [1 - x, 1 + x].
ColourChanges draw_colour_changes(std::int64_t count, double brightness, double contrast,
                                  core::RandomStream random);

/// `pixels` [N, C, H, W] (uint8) times the brightness, then the distance from the image's mean
/// times the contrast, each time kept within 0…255. float32.
at::Tensor recoloured(const at::Tensor& pixels, const ColourChanges& changes);

/// A position in each image of a batch. Tensors of [N] on the CPU, int64.
struct Middles {
  at::Tensor row;
  at::Tensor column;
};

/// Uniform over the image.
Middles draw_middles(std::int64_t count, data::ImageSize image, core::RandomStream random);

/// A rectangle in each image of a batch. bool.
struct Rectangles {
  at::Tensor rows;     ///< [N, H]: those that it lies in
  at::Tensor columns;  ///< [N, W]
};

/// Squares of `side` pixels. Part of a square may be outside the image.
Rectangles squares_around(const Middles& middles, std::int64_t side, data::ImageSize image);

/// Sets the rectangles in `images` [N, C, H, W] to 0, the mean of normalised images.
void cut_out(at::Tensor& images, const Rectangles& rectangles);

/// The same on `device`, so that it need not be copied with each batch.
PixelNormalisation on_device(const PixelNormalisation& normalisation, c10::Device device);

/// Network input, on the same device, of `pixels` [N, C, H, W] in 0…255: float32, channels last.
at::Tensor normalised(const at::Tensor& pixels, const PixelNormalisation& normalisation);

}  // namespace hierevo::nn
