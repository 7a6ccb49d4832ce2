// Products of blocks of channels with weights (1×1 convolutions).
//
// A processor with two FMA units loads two operands in the time of two FMAs, so each operand has to
// be used more than once: pixels × outputs (or rows × inputs) whose sums fill the registers.
#pragma once

#include "kernels.hpp"
#include "vector.hpp"

namespace hierevo::nn::native {
namespace {

/// Sums that stay in registers beside their operands.
constexpr int sums_at_once = lanes == 16 ? 24 : 12;

/// `Pixels` pixels of `Outs` outputs. The weights of an output are `weights_of_output` floats.
template <int Outs, int Pixels>
inline void multiply_pixels(float* const* out, const float* const* in, int blocks,
                            const float* weights, std::int64_t first, Write write) {
  const std::int64_t weights_of_output = std::int64_t{blocks} * lanes * lanes;
  float* to[Outs];
  Vec sums[Outs][Pixels];
  HIEREVO_UNROLL
  for (int n = 0; n < Outs; ++n) {
    to[n] = out[n] + first * lanes;
    HIEREVO_UNROLL
    for (int i = 0; i < Pixels; ++i) {
      sums[n][i] = write == Write::add ? load(to[n] + i * lanes) : Vec{};
    }
  }
  for (int block = 0; block < blocks; ++block) {
    const float* x = in[block] + first * lanes;
    for (int k = 0; k < lanes; ++k) {
      Vec weight[Outs];
      HIEREVO_UNROLL
      for (int n = 0; n < Outs; ++n) weight[n] = load(weights + n * weights_of_output);
      HIEREVO_UNROLL
      for (int i = 0; i < Pixels; ++i) {
        HIEREVO_UNROLL
        for (int n = 0; n < Outs; ++n) sums[n][i] += x[i * lanes + k] * weight[n];
      }
      weights += lanes;
    }
  }
  HIEREVO_UNROLL
  for (int n = 0; n < Outs; ++n) {
    HIEREVO_UNROLL
    for (int i = 0; i < Pixels; ++i) store(to[n] + i * lanes, sums[n][i]);
  }
}

template <int Outs>
inline void multiply_outputs(float* const* out, const float* const* in, int blocks,
                             const float* weights, std::int64_t pixels, Write write) {
  constexpr int most = sums_at_once / Outs;
  std::int64_t i = 0;
  for (; i + most <= pixels; i += most) {
    multiply_pixels<Outs, most>(out, in, blocks, weights, i, write);
  }
  for (; i + 2 <= pixels; i += 2) multiply_pixels<Outs, 2>(out, in, blocks, weights, i, write);
  for (; i < pixels; ++i) multiply_pixels<Outs, 1>(out, in, blocks, weights, i, write);
}

void multiply(float* const* out, int outs, const float* const* in, int ins, const float* weights,
              std::int64_t pixels, Write write) {
  const std::int64_t tiles = std::int64_t{ins} * lanes * lanes;
  int n = 0;
  for (; n + 2 <= outs; n += 2) {
    multiply_outputs<2>(out + n, in, ins, weights + n * tiles, pixels, write);
  }
  if (n < outs) multiply_outputs<1>(out + n, in, ins, weights + n * tiles, pixels, write);
}

/// `Rows` lanes of the output from `first` on, with `Ins` inputs.
template <int Rows, int Ins>
inline void add_outer_rows(float* sums, const float* out, const float* const* in, int first,
                           std::int64_t pixels) {
  constexpr std::int64_t tile = lanes * lanes;
  sums += first * lanes;
  out += first;
  const float* x[Ins];
  Vec rows[Ins][Rows];
  HIEREVO_UNROLL
  for (int m = 0; m < Ins; ++m) {
    x[m] = in[m];
    HIEREVO_UNROLL
    for (int n = 0; n < Rows; ++n) rows[m][n] = load(sums + m * tile + n * lanes);
  }
  for (std::int64_t i = 0; i < pixels; ++i) {
    HIEREVO_UNROLL
    for (int n = 0; n < Rows; ++n) {
      HIEREVO_UNROLL
      for (int m = 0; m < Ins; ++m) rows[m][n] += out[i * lanes + n] * load(x[m] + i * lanes);
    }
  }
  HIEREVO_UNROLL
  for (int m = 0; m < Ins; ++m) {
    HIEREVO_UNROLL
    for (int n = 0; n < Rows; ++n) store(sums + m * tile + n * lanes, rows[m][n]);
  }
}

void add_outer_products(float* sums, const float* out, const float* const* in, int ins,
                        std::int64_t pixels) {
  constexpr int rows = sums_at_once / 3;
  int m = 0;
  for (; m + 3 <= ins; m += 3) {
    for (int first = 0; first < lanes; first += rows) {
      add_outer_rows<rows, 3>(sums + std::int64_t{m} * lanes * lanes, out, in + m, first, pixels);
    }
  }
  for (; m < ins; ++m) {
    add_outer_rows<lanes, 1>(sums + std::int64_t{m} * lanes * lanes, out, in + m, 0, pixels);
  }
}

}  // namespace
}  // namespace hierevo::nn::native
