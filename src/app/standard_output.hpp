// What a command prints on standard output: all of it goes through std::cout.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace hierevo::app {

/// Prints `text`, which is made printable, as a line for people.
void print_line(std::string_view text);

template <typename... Args>
void print_line(fmt::format_string<Args...> format, Args&&... args) {
  print_line(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

/// Throws IoError unless all that was printed is written.
void flush_output();

/// Puts something into the place of standard descriptors that are closed, where reading and writing
/// still fail: a file that is opened later would get what is printed.
void occupy_closed_descriptors();

}  // namespace hierevo::app
