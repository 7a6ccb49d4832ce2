#include "text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "hierevo/core/error.hpp"
#include "hierevo/core/numbers.hpp"

namespace hierevo::spank {

namespace {

constexpr std::string_view units = "KMGTP";

}  // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string line(text.substr(0, longest));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (text.size() > longest) line += fmt::format("... ({} characters)", text.size());
  return line;
}

std::uint64_t parse_size(std::string_view what, std::string_view text) {
  std::string_view unit = text;
  const double number = core::take_number<double>(unit).value_or(0.0);
  const auto power = unit.empty() ? 0 : units.find(unit) + 1;
  const double bytes = std::ldexp(number, 10 * static_cast<int>(power));
  const bool known = unit.empty() || (unit.size() == 1 && units.find(unit) != units.npos);
  constexpr double most = 1e18;
  if (known && bytes >= 1.0 && bytes < most) {
    return static_cast<std::uint64_t>(bytes);
  }
  throw core::UsageError(fmt::format("{} is '{}'", what, shown(text)),
                         "it must be a number of bytes above 0", "For example 200G, or 1.5T.");
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array names = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024.0 && unit + 1 < names.size(); ++unit) amount /= 1024.0;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", amount, names[unit]);
}

}  // namespace hierevo::spank
