#include "class_coverage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "hierevo/core/error.hpp"

namespace hierevo::io {

void require_class_coverage(const std::vector<bool>& seen,
                            std::span<const std::string> class_names) {
  const auto none = std::find(seen.begin(), seen.end(), false);
  if (none == seen.end()) return;
  const auto label = static_cast<std::size_t>(none - seen.begin());
  throw core::UsageError(
      fmt::format("Class {}, '{}', has no training image", label, class_names[label]),
      "all of its images are broken", "Fix one, or remove its folder and start again.");
}

}  // namespace hierevo::io
