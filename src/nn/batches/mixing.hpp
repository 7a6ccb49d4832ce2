#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "hierevo/core/random.hpp"

namespace hierevo::nn {

/// A part of an image: rows [top, bottom), columns [left, right).
struct Box {
  std::int64_t top;
  std::int64_t bottom;
  std::int64_t left;
  std::int64_t right;

  std::int64_t area() const { return (bottom - top) * (right - left); }
};

/// A draw from Beta(alpha, alpha), alpha > 0.
double draw_beta(double alpha, core::RandomStream& random);

/// A box of the share `area` of the image, its middle uniform over the image, cut at the borders.
Box draw_box(std::int64_t height, std::int64_t width, double area, core::RandomStream& random);

/// Each of `images` becomes `own` times itself plus the rest of its partner: the first one's is the
/// last of `partners`, and so on (mixup, Zhang et al. 2018). `partners` may be `images`.
void mix_up(at::Tensor& images, const at::Tensor& partners, double own);

/// Each of `images` gets the box of its partner, as in mix_up() (CutMix, Yun et al. 2019).
void cut_mix(at::Tensor& images, const at::Tensor& partners, const Box& box);

/// Probabilities of the classes, [N, classes], float32, on the CPU: `own` for the label of an
/// image, and the rest for that of its partner, as in mix_up().
at::Tensor mixed_targets(std::span<const std::int64_t> labels,
                         std::span<const std::int64_t> partners, double own, std::int64_t classes);

}  // namespace hierevo::nn
