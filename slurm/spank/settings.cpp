#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/numbers.hpp"
#include "text.hpp"

namespace hierevo::spank {

namespace {

std::string parse_folder(std::string_view text) {
  const std::filesystem::path path(text);
  if (path.is_absolute() && path.lexically_normal().native() == text && path.has_filename()) {
    return path.string();
  }
  throw core::UsageError(fmt::format("The setting folder is '{}'", shown(text)),
                         "it must be an absolute path without '..' and '/' at its end",
                         "For example folder=/local/hierevo.");
}

std::chrono::seconds parse_seconds(std::string_view what, std::string_view text) {
  constexpr std::uint32_t day = 24 * 60 * 60;
  const auto number = core::parse_number<std::uint32_t>(text);
  if (number && *number >= 1 && *number <= day) return std::chrono::seconds(*number);
  throw core::UsageError(fmt::format("{} is '{}'", what, shown(text)),
                         fmt::format("it must be a number of seconds from 1 to {}", day));
}

}  // namespace

Settings parse_settings(std::span<const char* const> arguments) {
  Settings settings;
  for (const std::string_view argument : arguments) {
    const std::string_view name = argument.substr(0, argument.find('='));
    const std::string_view value = argument.substr(std::min(argument.size(), name.size() + 1));
    if (name == "folder") {
      settings.folder = parse_folder(value);
    } else if (name == "limit") {
      settings.limit = parse_size("The setting limit", value);
    } else if (name == "removal-seconds") {
      settings.removal_limit = parse_seconds("The setting removal-seconds", value);
    } else {
      const std::vector<std::string> known = {"folder", "limit", "removal-seconds"};
      throw core::unknown_name("setting in plugstack.conf", shown(name), known);
    }
  }
  return settings;
}

}  // namespace hierevo::spank
