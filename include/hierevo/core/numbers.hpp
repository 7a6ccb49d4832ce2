// Numbers in text, in whatever locale.
#pragma once

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace hierevo::core {

/// Takes the number that `text` begins with off it; nothing, and `text` as it was, where there is
/// none or it does not fit. `base` is of integers.
template <typename Number>
std::optional<Number> take_number(std::string_view& text, int base = 10) {
  Number number{};
  std::from_chars_result result{};
  if constexpr (std::is_floating_point_v<Number>) {
    result = std::from_chars(text.data(), text.data() + text.size(), number);
  } else {
    result = std::from_chars(text.data(), text.data() + text.size(), number, base);
  }
  if (result.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return number;
}

/// The number that `text` is; nothing when anything else stands in it.
template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  const auto number = take_number<Number>(text, base);
  return text.empty() ? number : std::nullopt;
}

/// The environment variable as a number; 0 when it is not set or not a number.
template <typename Number>
Number number_in_environment(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? Number{} : parse_number<Number>(text).value_or(Number{});
}

}  // namespace hierevo::core
