#include "comm/collective_samples.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "hierevo/core/random.hpp"

namespace hierevo::test {

namespace {

using comm::ElementType;

template <typename Element>
void put(Bytes& bytes, std::size_t index, Element element) {
  std::memcpy(bytes.data() + index * sizeof element, &element, sizeof element);
}

template <typename Element>
Element get(const Bytes& bytes, std::size_t index) {
  Element element;
  std::memcpy(&element, bytes.data() + index * sizeof element, sizeof element);
  return element;
}

/// Between 2^-12 and 2^12, of either sign.
float uneven(std::uint64_t word) {
  const auto fraction = static_cast<float>(word & 0xffffff) / 0x1p24F + 0.5F;
  const auto exponent = static_cast<int>((word >> 24) % 24) - 12;
  return std::ldexp((word >> 63) != 0 ? -fraction : fraction, exponent);
}

template <typename Element, typename Sum>
Bytes reduce(const std::vector<Bytes>& inputs, Sum (*load)(Element), Element (*store)(Sum)) {
  Bytes result(inputs[0].size());
  for (std::size_t i = 0; i < result.size() / sizeof(Element); ++i) {
    Sum sum = load(get<Element>(inputs[0], i));
    for (std::size_t rank = 1; rank < inputs.size(); ++rank) {
      sum = sum + load(get<Element>(inputs[rank], i));
    }
    put(result, i, store(sum));
  }
  return result;
}

template <typename Element>
Element same(Element element) {
  return element;
}

}  // namespace

float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t nearest_bfloat16(float value) {
  const auto toward_zero = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
  if (!std::isfinite(value)) return toward_zero;
  const auto away = static_cast<std::uint16_t>(toward_zero + 1);
  // Beyond the largest number lies, for rounding, the next power of two.
  const double beyond = std::copysign(0x1p128, value);
  const double near = from_bfloat16(toward_zero);
  const double far = std::isfinite(from_bfloat16(away)) ? from_bfloat16(away) : beyond;
  const double to_near = std::abs(value - near);
  const double to_far = std::abs(far - value);
  if (to_near != to_far) return to_near < to_far ? toward_zero : away;
  return toward_zero % 2 == 0 ? toward_zero : away;
}

Bytes sample(int rank, std::uint64_t index, std::size_t count, ElementType type) {
  core::RandomStream random(static_cast<std::uint64_t>(rank), index, "elements");
  Bytes bytes(count * size_of(type));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t word = random();
    switch (type) {
      case ElementType::uint8:
        put(bytes, i, static_cast<std::uint8_t>(word));
        break;
      case ElementType::int64:
        put(bytes, i, word);  // sums overflow
        break;
      case ElementType::bfloat16:
        put(bytes, i, nearest_bfloat16(uneven(word)));
        break;
      case ElementType::float32:
        put(bytes, i, uneven(word));
        break;
      case ElementType::float64:
        put(bytes, i, static_cast<double>(uneven(word)) / 3);
        break;
    }
  }
  return bytes;
}

Bytes reduced(const std::vector<Bytes>& inputs, ElementType type) {
  switch (type) {
    case ElementType::int64:
      return reduce<std::uint64_t, std::uint64_t>(inputs, same, same);
    case ElementType::bfloat16:
      return reduce<std::uint16_t, float>(inputs, from_bfloat16, nearest_bfloat16);
    case ElementType::float32:
      return reduce<float, float>(inputs, same, same);
    case ElementType::float64:
      return reduce<double, double>(inputs, same, same);
    case ElementType::uint8:
      break;
  }
  throw std::invalid_argument("these are not summed");
}

Bytes reduced_samples(int size, std::uint64_t index, std::size_t count, ElementType type) {
  std::vector<Bytes> inputs;
  for (int rank = 0; rank < size; ++rank) inputs.push_back(sample(rank, index, count, type));
  return reduced(inputs, type);
}

}  // namespace hierevo::test
