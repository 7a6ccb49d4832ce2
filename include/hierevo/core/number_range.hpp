#pragma once

#include <limits>
#include <string>
#include <string_view>

namespace hierevo::core {

/// The values that a number may have, and why it may have no others.
struct NumberRange {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool without_least = false;  ///< all above `least`
  bool without_most = false;   ///< all below `most`
  std::string_view why{};

  /// No range contains NaN or an infinity.
  bool contains(double value) const;
  /// "from 2 up", "from 1 to 64", "above 0 and up to 1", "from 0 to below 1"
  std::string text() const;
};

/// All numbers from `least` up.
constexpr NumberRange at_least(double least, std::string_view why = {}) {
  return {.least = least, .why = why};
}
/// All numbers from `least` to `most`, both included.
constexpr NumberRange between(double least, double most, std::string_view why = {}) {
  return {.least = least, .most = most, .why = why};
}

/// Throws FieldError unless the value of a library's option is in its range.
void require_in(const NumberRange& range, std::string_view field, double value);

}  // namespace hierevo::core
