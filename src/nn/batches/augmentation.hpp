#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

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

/// The crops of the images `indices` ([N], int64) of `pixels` [M, C, H, W]: [N, C, height, width]
/// of the same type on the same device, channels last.
at::Tensor cut(const at::Tensor& pixels, const at::Tensor& indices, const Crops& crops,
               data::ImageSize crop);

/// Factors for each image of a batch. Tensors of [N] on the CPU, float32.
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

/// Sets a square of `side` pixels in each of `images` [N, C, H, W] to 0, the mean of normalised
/// images. Part of it may be outside.
void cut_out(at::Tensor& images, std::int64_t side, const Middles& middles);

/// The same on `device`, so that it need not be copied with each batch.
PixelNormalisation on_device(const PixelNormalisation& normalisation, c10::Device device);

/// Network input of `pixels` [N, C, H, W] in 0…255: float32, channels last.
at::Tensor normalised(const at::Tensor& pixels, const PixelNormalisation& normalisation);

}  // namespace hierevo::nn
