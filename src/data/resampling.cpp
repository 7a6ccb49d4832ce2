#include "resampling.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hierevo::data {

namespace {

/// More rows at once are rare, and would not fit into registers.
constexpr std::size_t most_taps = 4;

/// Rounds as one addition after the other does, whatever the width of a vector: all instruction
/// sets give the same image.
template <std::size_t taps, bool add>
inline __attribute__((always_inline)) void blend(const std::uint8_t* const* rows,
                                                 const float* weights, std::size_t count,
                                                 float* blended) {
  for (std::size_t i = 0; i < count; ++i) {
    float sum = add ? blended[i] : 0.0F;
    for (std::size_t t = 0; t < taps; ++t) sum += weights[t] * static_cast<float>(rows[t][i]);
    blended[i] = sum;
  }
}

template <bool add>
inline __attribute__((always_inline)) void blend_some(std::size_t taps,
                                                      const std::uint8_t* const* rows,
                                                      const float* weights, std::size_t count,
                                                      float* blended) {
  switch (taps) {
    case 1:
      return blend<1, add>(rows, weights, count, blended);
    case 2:
      return blend<2, add>(rows, weights, count, blended);
    case 3:
      return blend<3, add>(rows, weights, count, blended);
    default:
      return blend<most_taps, add>(rows, weights, count, blended);
  }
}

inline __attribute__((always_inline)) void blend_all(std::size_t taps,
                                                     const std::uint8_t* const* rows,
                                                     const float* weights, std::size_t count,
                                                     float* blended) {
  blend_some<false>(std::min(taps, most_taps), rows, weights, count, blended);
  for (std::size_t t = most_taps; t < taps; t += most_taps) {
    blend_some<true>(std::min(taps - t, most_taps), rows + t, weights + t, count, blended);
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void blend_with_avx2(std::size_t taps,
                                                     const std::uint8_t* const* rows,
                                                     const float* weights, std::size_t count,
                                                     float* blended) {
  blend_all(taps, rows, weights, count, blended);
}

/// Three bytes of four numbers, rounded, and a meaningless fourth.
inline void store_pixel(__m128 pixel, std::uint8_t* bytes) {
  const __m128i words = _mm_packs_epi32(_mm_cvtps_epi32(pixel), _mm_setzero_si128());
  const int packed = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  std::memcpy(bytes, &packed, sizeof packed);
}
#endif

#if defined(__x86_64__)
/// Pads weights with zeros, so that all pixels have equally many. Returns how many pixels it made.
__attribute__((target("avx2"))) std::size_t resample_pairs(const float* blended,
                                                           const Resampling& columns,
                                                           std::uint8_t* row) {
  const auto taps = static_cast<std::size_t>(columns.longest);
  const float* weights = columns.of_pairs.data();
  std::size_t x = 0;
  for (; x + 1 < columns.size(); x += 2) {
    const float* left = blended + 4 * static_cast<std::ptrdiff_t>(columns.first[x]);
    const float* right = blended + 4 * static_cast<std::ptrdiff_t>(columns.first[x + 1]);
    __m256 sum = _mm256_setzero_ps();
    for (std::size_t t = 0; t < taps; ++t, weights += 8) {
      const __m256 both = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(left + 4 * t)),
                                               _mm_loadu_ps(right + 4 * t), 1);
      sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(weights), both));
    }
    store_pixel(_mm256_castps256_ps128(sum), row + 3 * x);
    store_pixel(_mm256_extractf128_ps(sum, 1), row + 3 * x + 3);
  }
  return x;
}
#endif

double triangle(double distance) {
  return std::max(0.0, 1.0 - std::abs(distance));
}

}  // namespace

void set_resampling(double begin, double length, std::int64_t end, std::int64_t scaled,
                    std::int64_t skipped, std::int64_t size, bool reversed, Resampling& result) {
  const double step = length / static_cast<double>(scaled);
  const double reach = std::max(step, 1.0);
  const auto lowest = static_cast<std::int64_t>(std::floor(begin));
  const auto highest = std::min(end, static_cast<std::int64_t>(std::ceil(begin + length)));
  const auto count = static_cast<std::size_t>(size);
  result.longest = static_cast<std::int32_t>(std::ceil(2.0 * reach));
  result.first.resize(count);
  result.taps.resize(count);
  result.weights.assign(count * static_cast<std::size_t>(result.longest), 0.0F);
  std::vector<double> weights(static_cast<std::size_t>(result.longest));
  for (std::int64_t i = 0; i < size; ++i) {
    const double middle = begin + (static_cast<double>(skipped + i) + 0.5) * step;
    const auto first = std::clamp(static_cast<std::int64_t>(std::floor(middle - reach + 0.5)),
                                  lowest, highest - 1);
    const auto last =
        std::clamp(static_cast<std::int64_t>(std::floor(middle + reach + 0.5)), first + 1, highest);
    const auto taps =
        static_cast<std::size_t>(std::min<std::int64_t>(last - first, result.longest));
    double sum = 0.0;
    for (std::size_t t = 0; t < taps; ++t) {
      const double position = static_cast<double>(first) + static_cast<double>(t) + 0.5;
      sum += weights[t] = triangle((position - middle) / reach);
    }
    const auto place = static_cast<std::size_t>(reversed ? size - 1 - i : i);
    result.first[place] = static_cast<std::int32_t>(first);
    result.taps[place] = static_cast<std::int32_t>(taps);
    float* row = &result.weights[place * static_cast<std::size_t>(result.longest)];
    if (sum <= 0.0) sum = weights[0] = 1.0;
    for (std::size_t t = 0; t < taps; ++t) row[t] = static_cast<float>(weights[t] / sum);
  }
}

void prepare_pairs(Resampling& columns) {
  const auto taps = static_cast<std::size_t>(columns.longest);
  columns.of_pairs.resize(columns.size() / 2 * taps * 8);
  for (std::size_t pair = 0; pair < columns.size() / 2; ++pair) {
    float* weights = &columns.of_pairs[pair * taps * 8];
    for (std::size_t t = 0; t < taps; ++t) {
      std::fill_n(weights + 8 * t, 4, columns.of(2 * pair)[t]);
      std::fill_n(weights + 8 * t + 4, 4, columns.of(2 * pair + 1)[t]);
    }
  }
}

void blend_rows(std::span<const std::uint8_t* const> rows, const float* weights, std::size_t count,
                float* blended) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    return blend_with_avx2(rows.size(), rows.data(), weights, count, blended);
  }
#endif
  blend_all(rows.size(), rows.data(), weights, count, blended);
}

void resample_row(const float* blended, const Resampling& columns, std::uint8_t* row) {
  std::size_t x = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) x = resample_pairs(blended, columns, row);
#endif
  for (; x < columns.size(); ++x) {
    const float* pixel = blended + 4 * static_cast<std::ptrdiff_t>(columns.first[x]);
    const float* weights = columns.of(x);
#if defined(__x86_64__)
    __m128 sum = _mm_setzero_ps();
    for (std::int32_t t = 0; t < columns.taps[x]; ++t) {
      sum = _mm_add_ps(sum, _mm_mul_ps(_mm_set1_ps(weights[t]), _mm_loadu_ps(pixel + 4 * t)));
    }
    store_pixel(sum, row + 3 * x);
#else
    for (std::size_t c = 0; c < 3; ++c) {
      float sum = 0.0F;
      for (std::int32_t t = 0; t < columns.taps[x]; ++t) {
        sum += weights[t] * pixel[4 * t + static_cast<std::int32_t>(c)];
      }
      row[3 * x + c] = static_cast<std::uint8_t>(std::lrintf(std::clamp(sum, 0.0F, 255.0F)));
    }
#endif
  }
}

}  // namespace hierevo::data
