#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>

namespace hierevo::search {

/// A member of an object in a file that anybody may have changed. Throws json::exception or
/// UsageError unless it is a whole number from 0 to `most`.
std::uint64_t whole_number_up_to(std::uint64_t most, const nlohmann::json& object,
                                 const char* name);

/// The same, for any number from 0 that fits.
template <typename Number>
Number whole_number(const nlohmann::json& object, const char* name) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<Number>::max());
  return static_cast<Number>(whole_number_up_to(most, object, name));
}

}  // namespace hierevo::search
