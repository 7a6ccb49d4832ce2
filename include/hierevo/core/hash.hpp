#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hierevo::core {

/// A bijection of the 64-bit numbers that flips every output bit with probability 1/2 when an input
/// bit flips (the finaliser of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Hash of `value` appended to what `hash` stands for; order matters.
constexpr std::uint64_t combine(std::uint64_t hash, std::uint64_t value) {
  return mix((hash ^ 0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL * (value + 1) + (hash << 6));
}

/// Hash of a text, the same on every machine.
std::uint64_t hash_text(std::string_view text);

/// CRC-32C (Castagnoli) of `bytes`: guards files against damage, not against intent.
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace hierevo::core
