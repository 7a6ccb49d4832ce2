#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hierevo::data {

/// Which old pixels each new one is a mean of, and with which weights. Every new pixel is a
/// triangle over all old ones that it covers, at least two wide: bilinear without aliasing, as
/// Pillow and torch.nn.functional.interpolate(antialias=True) have it.
struct Resampling {
  std::vector<std::int32_t> first;  ///< old pixel that the weights begin with
  std::vector<std::int32_t> taps;   ///< how many weights
  std::vector<float> weights;       ///< `longest` for each new pixel, zeros behind
  std::int32_t longest = 0;
  std::vector<float> of_pairs;  ///< see prepare_pairs()

  std::size_t size() const { return first.size(); }
  const float* of(std::size_t pixel) const {
    return &weights[pixel * static_cast<std::size_t>(longest)];
  }
};

/// A part [begin, begin + length) of old pixels, which may begin and end within one, becomes
/// `scaled` new ones, of which [skipped, skipped + size) are wanted. No pixel out of the part
/// counts, nor one from `end` on. `reversed` gives the last of them first.
void set_resampling(double begin, double length, std::int64_t end, std::int64_t scaled,
                    std::int64_t skipped, std::int64_t size, bool reversed, Resampling& result);

/// Of two neighbouring new pixels each weight four times, `longest` of the one by those of the
/// other: for resample_row(), where the processor does two at once.
void prepare_pairs(Resampling& columns);

/// Sum of `rows`, each `count` bytes, with these weights: the same on every processor.
void blend_rows(std::span<const std::uint8_t* const> rows, const float* weights, std::size_t count,
                float* blended);

/// New pixels of `blended`, 4 numbers an old pixel of which three count: 3 bytes each. `row` has
/// room for one byte more; behind `blended` are `longest` pixels of any finite numbers.
void resample_row(const float* blended, const Resampling& columns, std::uint8_t* row);

}  // namespace hierevo::data
