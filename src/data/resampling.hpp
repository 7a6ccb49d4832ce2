#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hierevo::data {

/// Which old pixels each new one is a mean of, and with which weights. The weights of a new pixel
/// are a triangle over all old ones that it covers, at least two wide: bilinear without aliasing,
/// as in Pillow and torch.nn.functional.interpolate(antialias=True).
struct Resampling {
  std::vector<std::int32_t> first;  ///< old pixel of the first weight
  std::vector<std::int32_t> taps;   ///< how many weights
  std::vector<float> weights;       ///< `longest` for each new pixel, padded with zeros
  std::int32_t longest = 0;
  std::vector<float> of_pairs;  ///< see prepare_pairs()

  std::size_t size() const { return first.size(); }
  const float* of(std::size_t pixel) const {
    return &weights[pixel * static_cast<std::size_t>(longest)];
  }
};

/// A part [begin, begin + length) of old pixels, which may begin and end within one, becomes
/// `scaled` new ones, of which [skipped, skipped + size) are needed. No pixel outside the part
/// counts, nor one from `end` on. `reversed` puts the last of them first.
void set_resampling(double begin, double length, std::int64_t end, std::int64_t scaled,
                    std::int64_t skipped, std::int64_t size, bool reversed, Resampling& result);

/// The weights of each two neighbouring new pixels side by side, each four times, `longest` for
/// each pixel: for resample_row(), which computes two at once where the processor can.
void prepare_pairs(Resampling& columns);

/// Sum of `rows`, each `count` bytes, with these weights: the same on every processor.
void blend_rows(std::span<const std::uint8_t* const> rows, const float* weights, std::size_t count,
                float* blended);

/// New pixels, 3 bytes each, from `blended`, 4 numbers per old pixel, of which three count. `row`
/// has room for one byte more; after `blended` come `longest` pixels of any finite numbers.
void resample_row(const float* blended, const Resampling& columns, std::uint8_t* row);

}  // namespace hierevo::data
