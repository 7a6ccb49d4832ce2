#include "hierevo/io/class_names.hpp"

#include <fmt/format.h>

#include <map>

#include "hierevo/core/error.hpp"
#include "utf8.hpp"

namespace hierevo::io {

void require_distinct(std::span<const std::string> class_names) {
  std::map<std::string, std::string> by_stored_name;
  for (const std::string& name : class_names) {
    const auto [other, is_new] = by_stored_name.emplace(to_utf8(name), name);
    if (is_new) continue;
    throw core::UsageError(
        fmt::format("The classes '{}' and '{}' cannot be told apart", other->second, name),
        "their names would be the same where they are stored, in UTF-8", "Rename one of them.");
  }
}

}  // namespace hierevo::io
