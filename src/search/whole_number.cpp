#include "hierevo/search/whole_number.hpp"

#include <nlohmann/json.hpp>

#include "hierevo/core/error.hpp"

namespace hierevo::search {

std::uint64_t whole_number_up_to(std::uint64_t most, const nlohmann::json& object,
                                 const char* name) {
  const nlohmann::json& found = object.at(name);
  if (found.is_number_unsigned() && found.get<std::uint64_t>() <= most) {
    return found.get<std::uint64_t>();
  }
  throw core::UsageError(name, "it is no whole number, or too large");
}

}  // namespace hierevo::search
