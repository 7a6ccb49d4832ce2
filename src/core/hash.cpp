#include "hierevo/core/hash.hpp"

#include <boost/crc.hpp>

namespace hierevo::core {

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = mix(text.size());
  for (const char c : text) hash = combine(hash, static_cast<unsigned char>(c));
  return hash;
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return static_cast<std::uint32_t>(crc.checksum());
}

}  // namespace hierevo::core
