#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "hierevo/core/random.hpp"
#include "hierevo/nn/batches/batches.hpp"

namespace hierevo::nn {

/// A part of an image: rows [top, bottom), columns [left, right).
struct Box {
  std::int64_t top;
  std::int64_t bottom;
  std::int64_t left;
  std::int64_t right;
};

/// A draw from Beta(alpha, alpha), alpha > 0.
double draw_beta(double alpha, core::RandomStream& random);

/// A box of the share `area` of the image, its middle uniform over the image, cut at the borders.
Box draw_box(std::int64_t height, std::int64_t width, double area, core::RandomStream& random);

/// Each image and target becomes `own` times itself plus the rest of its partner, the one of
/// `others` in the same place (mixup, Zhang et al. 2018). Targets are labels, and become
/// probabilities.
void mix_up(Batch& batch, const Batch& others, double own, std::int64_t classes);

/// Each image gets the box of its partner, and the target its share of the area (CutMix, Yun et al.
/// 2019).
void cut_mix(Batch& batch, const Batch& others, const Box& box, std::int64_t classes);

}  // namespace hierevo::nn
