// Batch normalisation with ReLU: moments, values and gradients.
#pragma once

#include "kernels.hpp"
#include "vector.hpp"

namespace hierevo::nn::native {
namespace {

/// This many pixels are summed in float before the sum continues in double.
constexpr std::int64_t run = 512;

inline void add_to(double* sums, Vec values) {
  for (int i = 0; i < lanes; ++i) sums[i] += static_cast<double>(values[i]);
}

/// Moments about a value near the mean, to lose no digits, then made moments about 0 in double.
void add_moments(double* sums, const float* x, std::int64_t pixels) {
  for (std::int64_t first = 0; first < pixels; first += run) {
    const std::int64_t end = smaller(first + run, pixels);
    const Vec near = load(x + first * lanes);
    Vec ones[2] = {};
    Vec squares[2] = {};
    std::int64_t i = first;
    for (; i + 2 <= end; i += 2) {
      HIEREVO_UNROLL
      for (int k = 0; k < 2; ++k) {
        const Vec from_near = load(x + (i + k) * lanes) - near;
        ones[k] += from_near;
        squares[k] += from_near * from_near;
      }
    }
    if (i < end) {
      const Vec from_near = load(x + i * lanes) - near;
      ones[0] += from_near;
      squares[0] += from_near * from_near;
    }
    const Vec one = ones[0] + ones[1];
    const Vec square = squares[0] + squares[1];
    const auto count = static_cast<double>(end - first);
    for (int lane = 0; lane < lanes; ++lane) {
      const auto at = static_cast<double>(near[lane]);
      const auto sum = static_cast<double>(one[lane]);
      sums[lane] += sum + count * at;
      sums[lanes + lane] += static_cast<double>(square[lane]) + at * (2.0 * sum + count * at);
    }
  }
}

/// The input of ReLU. Forward and backward pass must agree on its sign.
inline Vec before_relu(Vec x, Vec scale, Vec shift) {
  return x * scale + shift;
}

void normalise(float* y, const float* x, const BlockNorm& by, std::int64_t pixels) {
  const Vec scale = load(by.scale);
  const Vec shift = load(by.shift);
  const Vec zero{};
  for (std::int64_t i = 0; i < pixels; ++i) {
    const Vec value = before_relu(load(x + i * lanes), scale, shift);
    store(y + i * lanes, zero > value ? zero : value);  // NaN stays NaN
  }
}

void add_gradient_moments(double* sums, const float* y_gradient, const float* x,
                          const BlockNorm& by, std::int64_t pixels) {
  const Vec scale = load(by.scale);
  const Vec shift = load(by.shift);
  const Vec mean = load(by.mean);
  for (std::int64_t first = 0; first < pixels; first += run) {
    const std::int64_t end = smaller(first + run, pixels);
    Vec ones{};
    Vec products{};
    for (std::int64_t i = first; i < end; ++i) {
      const Vec value = load(x + i * lanes);
      const Vec passed =
          before_relu(value, scale, shift) > Vec{} ? load(y_gradient + i * lanes) : Vec{};
      ones += passed;
      products += passed * (value - mean);
    }
    add_to(sums, ones);
    add_to(sums + lanes, products);
  }
}

void normalise_to_input(float* x_gradient, const float* y_gradient, const float* x,
                        const BlockNorm& by, std::int64_t pixels) {
  const Vec scale = load(by.scale);
  const Vec shift = load(by.shift);
  const Vec mean = load(by.mean);
  const Vec slope = load(by.slope);
  const Vec offset = load(by.offset);
  for (std::int64_t i = 0; i < pixels; ++i) {
    const Vec value = load(x + i * lanes);
    const Vec passed =
        before_relu(value, scale, shift) > Vec{} ? load(y_gradient + i * lanes) : Vec{};
    store(x_gradient + i * lanes, passed * scale + ((value - mean) * slope + offset));
  }
}

}  // namespace
}  // namespace hierevo::nn::native
