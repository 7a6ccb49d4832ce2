#include "hierevo/data/images.hpp"

#include <algorithm>
#include <cmath>

#include "hierevo/core/hash.hpp"

namespace hierevo::data {

int side_of(ImageSize size) {
  return static_cast<int>(std::ceil(std::sqrt(static_cast<double>(size.height * size.width))));
}

std::optional<std::size_t> class_without_image(std::span<const std::int64_t> labels,
                                               std::size_t classes) {
  std::vector<bool> seen(classes, false);
  for (const std::int64_t label : labels) seen[static_cast<std::size_t>(label)] = true;
  const auto none = std::find(seen.begin(), seen.end(), false);
  if (none == seen.end()) return std::nullopt;
  return static_cast<std::size_t>(none - seen.begin());
}

std::uint64_t fingerprint_of(const Images& images) {
  const auto number = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  std::uint64_t hash = 0;
  for (const std::uint64_t part :
       {number(images.size()), number(images.shape.channels), number(images.shape.size.height),
        number(images.shape.size.width),
        std::uint64_t{core::crc32c(std::as_bytes(std::span(images.pixels)))},
        std::uint64_t{core::crc32c(std::as_bytes(std::span(images.labels)))}}) {
    hash = core::combine(hash, part);
  }
  return hash;
}

}  // namespace hierevo::data
