#include "hierevo/core/hash.hpp"
#include "hierevo/io/data_pack.hpp"

namespace hierevo::io {

std::uint64_t fingerprint_of(const ImageShape& shape, std::span<const std::uint8_t> pixels,
                             std::span<const std::int64_t> labels) {
  std::uint64_t hash = 0;
  for (const std::uint64_t part :
       {std::uint64_t{labels.size()}, std::uint64_t{shape.channels}, std::uint64_t{shape.height},
        std::uint64_t{shape.width}, std::uint64_t{core::crc32c(std::as_bytes(pixels))},
        std::uint64_t{core::crc32c(std::as_bytes(labels))}}) {
    hash = core::combine(hash, part);
  }
  return hash;
}

}  // namespace hierevo::io
