// Standard error, as lines for people and one status line below them share it. From any thread.
// What cannot be written there is lost: no work fails because nobody can watch it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace hierevo::core {

/// Writes `text`, which is made printable, as a line above the status line.
void write_line(std::string_view text);

/// The same for a line to be formatted, as fmt::format() does.
template <typename... Args>
void write_line(fmt::format_string<Args...> format, Args&&... args) {
  write_line(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

/// Shows `text` as the last line of a terminal, in place of what was there, cut to the terminal's
/// width of this moment.
void show_status(std::string_view text);

/// The path of the file that standard error is written to; empty for a terminal or a pipe.
std::string standard_error_file();

/// What is written from now on comes below the status line.
void leave_status();

}  // namespace hierevo::core
