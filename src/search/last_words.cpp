#include "last_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace hierevo::search {

namespace {

/// What is kept of the output, from its end, and what of that is reported.
constexpr std::size_t kept_output = 4096;
constexpr std::size_t reported_output = 1000;

/// The lines of `text` as one: "first | second".
std::string in_one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find_first_of("\r\n"));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    if (!line.empty()) line += " | ";
    line += part;
  }
  return line;
}

}  // namespace

void LastWords::add(std::string_view printed) {
  kept_ += printed.substr(printed.size() - std::min(printed.size(), kept_output));
  if (kept_.size() > 2 * kept_output) kept_.erase(0, kept_.size() - kept_output);
}

std::string LastWords::behind(const std::string& text) const {
  std::string_view words = kept_;
  const std::size_t end = words.find_last_not_of(" \r\n\t");
  if (end == std::string_view::npos) return text;
  words = words.substr(0, end + 1);
  if (words.size() > reported_output) {
    words.remove_prefix(words.size() - reported_output);
    words.remove_prefix(std::min(words.size(), words.find('\n') + 1));  // 0 where there is none
  }
  return fmt::format("{}; its last lines: {}", text, in_one_line(words));
}

}  // namespace hierevo::search
