#include "hierevo/core/hash.hpp"

#include <boost/crc.hpp>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace hierevo::core {

namespace {

std::uint32_t crc32c_in_software(std::span<const std::byte> bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return static_cast<std::uint32_t>(crc.checksum());
}

#if defined(__x86_64__)
/// The processor's own instruction, for 8 bytes at a time.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_in_hardware(
    std::span<const std::byte> bytes) {
  std::uint64_t crc = 0xFFFFFFFF;
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes = bytes.subspan(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  auto last = static_cast<std::uint32_t>(crc);
  for (const std::byte byte : bytes) last = _mm_crc32_u8(last, std::to_integer<std::uint8_t>(byte));
  return ~last;
}
#endif

}  // namespace

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = mix(text.size());
  for (const char c : text) hash = combine(hash, static_cast<unsigned char>(c));
  return hash;
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return crc32c_in_hardware(bytes);
#endif
  return crc32c_in_software(bytes);
}

}  // namespace hierevo::core
