#include "reduce_elements.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "hierevo/core/error.hpp"

namespace hierevo::comm::detail {

namespace {

/// How elements are summed: in which type, and what becomes of the sum.
template <typename Element>
struct Arithmetic {
  using Sum = Element;
  static Sum load(Element value) { return value; }
  static Element store(Sum sum) { return sum; }
};

/// Unsigned, where overflow is defined.
template <>
struct Arithmetic<std::int64_t> {
  using Sum = std::uint64_t;
  static Sum load(std::int64_t value) { return static_cast<Sum>(value); }
  static std::int64_t store(Sum sum) { return static_cast<std::int64_t>(sum); }
};

/// The upper half of a float32.
struct BFloat16 {
  std::uint16_t bits;
};

template <>
struct Arithmetic<BFloat16> {
  using Sum = float;
  static Sum load(BFloat16 value) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
  }
  static BFloat16 store(Sum sum) {
    const auto bits = std::bit_cast<std::uint32_t>(sum);
    constexpr std::uint32_t quiet = 0x40;  // without it a NaN could become infinite
    if (std::isnan(sum)) return {static_cast<std::uint16_t>((bits >> 16) | quiet)};
    const std::uint32_t nearest_even = 0x7fff + ((bits >> 16) & 1);
    return {static_cast<std::uint16_t>((bits + nearest_even) >> 16)};
  }
};

/// Sums that stay in the nearest cache.
constexpr std::size_t block = 2048;

template <typename Element>
void add(std::span<const std::byte* const> inputs, std::byte* out, std::size_t count) {
  using Rule = Arithmetic<Element>;
  typename Rule::Sum sums[block];
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t length = std::min(block, count - begin);
    const auto* first = reinterpret_cast<const Element*>(inputs[0]) + begin;
    for (std::size_t i = 0; i < length; ++i) sums[i] = Rule::load(first[i]);
    for (const std::byte* input : inputs.subspan(1)) {
      const auto* next = reinterpret_cast<const Element*>(input) + begin;
      for (std::size_t i = 0; i < length; ++i) sums[i] += Rule::load(next[i]);
    }
    auto* result = reinterpret_cast<Element*>(out) + begin;
    for (std::size_t i = 0; i < length; ++i) result[i] = Rule::store(sums[i]);
  }
}

}  // namespace

void reduce_elements(std::span<const std::byte* const> inputs, std::byte* out, std::size_t count,
                     ElementType type) {
  switch (type) {
    case ElementType::int64:
      return add<std::int64_t>(inputs, out, count);
    case ElementType::bfloat16:
      return add<BFloat16>(inputs, out, count);
    case ElementType::float32:
      return add<float>(inputs, out, count);
    case ElementType::float64:
      return add<double>(inputs, out, count);
    case ElementType::uint8:
      break;
  }
  throw core::InternalError("These elements cannot be summed");
}

}  // namespace hierevo::comm::detail
