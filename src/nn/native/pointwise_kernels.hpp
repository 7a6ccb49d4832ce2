// Products of blocks of channels with weights (1×1 convolutions).
#pragma once

#include "kernels.hpp"
#include "vector.hpp"

namespace hierevo::nn::native {
namespace {

/// `Rows` pixels at a time: as many sums as stay in registers.
template <int Rows>
inline void multiply_rows(float* out, const float* const* in, int blocks, const float* weights,
                          std::int64_t first, Write write) {
  Vec sums[Rows];
  out += first * lanes;
  HIEREVO_UNROLL
  for (int row = 0; row < Rows; ++row) {
    sums[row] = write == Write::add ? load(out + row * lanes) : Vec{};
  }
  for (int block = 0; block < blocks; ++block) {
    const float* x = in[block] + first * lanes;
    for (int k = 0; k < lanes; ++k) {
      const Vec weight = load(weights);
      HIEREVO_UNROLL
      for (int row = 0; row < Rows; ++row) sums[row] += x[row * lanes + k] * weight;
      weights += lanes;
    }
  }
  HIEREVO_UNROLL
  for (int row = 0; row < Rows; ++row) store(out + row * lanes, sums[row]);
}

void multiply(float* out, const float* const* in, int blocks, const float* weights,
              std::int64_t pixels, Write write) {
  std::int64_t i = 0;
  for (; i + 12 <= pixels; i += 12) multiply_rows<12>(out, in, blocks, weights, i, write);
  for (; i + 4 <= pixels; i += 4) multiply_rows<4>(out, in, blocks, weights, i, write);
  for (; i < pixels; ++i) multiply_rows<1>(out, in, blocks, weights, i, write);
}

void add_outer_products(float* sums, const float* out, const float* in, std::int64_t pixels) {
  Vec rows[lanes];
  HIEREVO_UNROLL
  for (int n = 0; n < lanes; ++n) rows[n] = load(sums + n * lanes);
  for (std::int64_t i = 0; i < pixels; ++i) {
    const Vec x = load(in + i * lanes);
    HIEREVO_UNROLL
    for (int n = 0; n < lanes; ++n) rows[n] += out[i * lanes + n] * x;
  }
  HIEREVO_UNROLL
  for (int n = 0; n < lanes; ++n) store(sums + n * lanes, rows[n]);
}

}  // namespace
}  // namespace hierevo::nn::native
