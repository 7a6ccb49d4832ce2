// The arithmetic of the native executor, once for each instruction set.
//
// Channels lie in blocks of `lanes` (the last one padded with zeros). A plane is one image's part
// of a block: [height][width][lanes] floats; planes of consecutive images are contiguous, so that
// kernels without neighbours take `pixels` of several at once. All pointers are aligned to `lanes`
// floats.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hierevo::nn::native {

/// Whether a result replaces what is there.
enum class Write : std::uint8_t { replace, add };

/// A 3×3 window that moves over a plane of `height`×`width` with a stride, padded by 1.
struct Window {
  int height = 0;
  int width = 0;
  int stride = 1;
  const float* zeros = nullptr;  ///< [width][lanes]

  // Inlined everywhere: a copy that the linker keeps may use instructions this machine lacks.
  [[gnu::always_inline]] int out_height() const { return (height + stride - 1) / stride; }
  [[gnu::always_inline]] int out_width() const { return (width + stride - 1) / stride; }
};

/// Batch normalisation and ReLU of a block, [lanes] each: y = max(0, x * scale + shift).
struct BlockNorm {
  const float* scale;
  const float* shift;
  // The gradient of x is, with h the gradient of y where y > 0:  h * scale + (x - mean) * slope +
  // offset
  const float* mean;
  const float* slope;
  const float* offset;
};

struct Kernels {
  std::string_view name;
  int lanes;

  /// Each out[n][pixels][lanes] = Σ in[m][pixels] · weights[n][m], tiles of [lanes in][lanes out].
  /// No two outputs may be the same.
  void (*multiply)(float* const* out, int outs, const float* const* in, int ins,
                   const float* weights, std::int64_t pixels, Write write);
  /// Each sums[m][lanes out][lanes in] += Σ over pixels of out ⊗ in[m]: the gradient of weights.
  void (*add_outer_products)(float* sums, const float* out, const float* const* in, int ins,
                             std::int64_t pixels);

  // Depthwise 3×3; taps [9][lanes]. The gradient of taps is added to.
  void (*depthwise)(float* out, const float* in, const float* taps, const Window& window);
  void (*depthwise_to_input)(float* in_gradient, const float* out_gradient, const float* taps,
                             const Window& window, Write write);
  void (*depthwise_to_taps)(float* taps_gradient, const float* out_gradient, const float* in,
                            const Window& window);

  // Pooling 3×3, padding not counted. A maximum is remembered by its place in the window, 0…8: the
  // first in row order, as in Torch.
  void (*maxpool)(float* out, std::uint8_t* place, const float* in, const Window& window);
  void (*maxpool_to_input)(float* in_gradient, const float* out_gradient, const std::uint8_t* place,
                           const Window& window, Write write);
  void (*avgpool)(float* out, const float* in, const Window& window);
  void (*avgpool_to_input)(float* in_gradient, const float* out_gradient, const Window& window,
                           Write write);

  /// out[lanes] = the mean over the pixels.
  void (*average)(float* out, const float* in, std::int64_t pixels);
  void (*average_to_input)(float* in_gradient, const float* out_gradient, std::int64_t pixels,
                           Write write);

  /// Adds Σx and Σx² to sums[2][lanes].
  void (*add_moments)(double* sums, const float* x, std::int64_t pixels);
  void (*normalise)(float* y, const float* x, const BlockNorm& by, std::int64_t pixels);
  /// Adds Σh and Σh·(x - mean) to sums[2][lanes].
  void (*add_gradient_moments)(double* sums, const float* y_gradient, const float* x,
                               const BlockNorm& by, std::int64_t pixels);
  void (*normalise_to_input)(float* x_gradient, const float* y_gradient, const float* x,
                             const BlockNorm& by, std::int64_t pixels);
};

/// All sets that this machine can run, the widest first; the last one runs everywhere.
std::span<const Kernels* const> kernel_sets();

}  // namespace hierevo::nn::native
