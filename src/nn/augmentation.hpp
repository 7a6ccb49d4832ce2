#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "hierevo/core/random.hpp"
#include "hierevo/nn/dataset.hpp"

namespace hierevo::nn {

struct ImageSize {
  std::int64_t height;
  std::int64_t width;
};

/// Where to cut each image of a batch, and which to mirror. Tensors of [N] on the CPU.
struct Crops {
  at::Tensor top;      ///< int64
  at::Tensor left;     ///< int64
  at::Tensor flipped;  ///< bool: mirrored left to right
};

/// Every offset equally likely; each image flipped with probability 1/2 when `flip`, else none.
/// `crop` must fit into `image`.
Crops draw_crops(std::int64_t count, ImageSize image, ImageSize crop, bool flip,
                 core::RandomStream random);

/// The crops of the images `indices` ([N], int64) of `pixels` [M, C, H, W]: [N, C, height, width]
/// of the same type on the same device, channels last.
at::Tensor cut(const at::Tensor& pixels, const at::Tensor& indices, const Crops& crops,
               ImageSize crop);

/// Network input of `pixels` [N, C, H, W]: float32, channels last.
at::Tensor normalised(const at::Tensor& pixels, const Normalisation& normalisation);

}  // namespace hierevo::nn
