#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace hierevo::core {

/// How much a line of the log matters, in ascending order.
enum class LogLevel { debug, info, warning, error };

/// Writes a line to the program's log on standard error (core/standard_error.hpp). From any
/// thread. Libraries of hierevo log through this and print nothing themselves.
void log(LogLevel level, std::string_view line);

/// The same for a line to be formatted, as fmt::format() does.
template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log(level, std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

/// Lines below `level` are dropped. `name` stands in front of every line, for example "rank 3".
void configure_log(LogLevel level, std::string_view name);

}  // namespace hierevo::core
