#include "hierevo/core/quantity_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hierevo::core {

std::string duration_text(double seconds) {
  // Of a damaged file, say. Where it is no number, std::max() gives 0.
  constexpr double longest = 1e12;
  const long whole = std::lround(std::min(std::max(0.0, seconds), longest));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string grouped_text(std::int64_t number) {
  std::string text = fmt::format("{}", number);
  const std::size_t first_digit = number < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first_digit + 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string counted_text(std::size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", grouped_text(static_cast<std::int64_t>(count)), noun,
                     count == 1 ? "" : "s");
}

}  // namespace hierevo::core
