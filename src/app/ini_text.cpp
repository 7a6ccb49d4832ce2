#include "ini_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "hierevo/core/error.hpp"

namespace hierevo::app {

namespace {

constexpr std::string_view spaces = " \t\r";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(spaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) + 1 - first);
}

std::string_view without_comment(std::string_view text) {
  return trimmed(text.substr(0, text.find('#')));
}

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char character : value) {
    switch (character) {
      case '\n':
        text += "\\n";
        break;
      case '\r':
        text += "\\r";
        break;
      case '"':
      case '\\':
        text += '\\';
        [[fallthrough]];
      default:
        text += character;
    }
  }
  return text + '"';
}

std::optional<char> escaped(char character) {
  switch (character) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case '"':
    case '\\':
      return character;
    default:
      return std::nullopt;
  }
}

/// What `text` quotes, when it is one value in quotes and a comment at most behind it.
std::optional<std::string> unquoted(std::string_view text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      const bool whole = without_comment(text.substr(at + 1)).empty();
      return whole ? std::optional(std::move(value)) : std::nullopt;
    }
    if (text[at] != '\\') {
      value += text[at];
      continue;
    }
    const auto character = ++at < text.size() ? escaped(text[at]) : std::nullopt;
    if (!character) return std::nullopt;
    value += *character;
  }
  return std::nullopt;
}

/// Whether it would be read as another value if it were written as it is.
bool needs_quotes(std::string_view value) {
  if (value.find_first_of("#\n\r") != value.npos || trimmed(value) != value) return true;
  const auto inner = unquoted(value);
  return inner && needs_quotes(*inner);
}

/// Quotes are taken off only where they were needed: --command has quotes of its own.
std::string value_in(std::string_view text) {
  auto value = unquoted(text);
  if (value && needs_quotes(*value)) return std::move(*value);
  return std::string(without_comment(text));
}

}  // namespace

std::vector<IniLine> read_ini(std::string_view text, const std::string& where) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::vector<IniLine> lines;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find('\0') != line.npos) {
      throw core::UsageError(fmt::format("'{}', line {} has a zero byte", where, number),
                             "this is not a text file", "Give a file of lines NAME=VALUE.");
    }
    const std::string_view content = without_comment(line);
    if (content.empty()) continue;
    const std::size_t equals = content.find('=');
    if (equals == content.npos || trimmed(content.substr(0, equals)).empty()) {
      throw core::UsageError(
          fmt::format("'{}' in '{}', line {} cannot be read", content, where, number),
          "a line is NAME=VALUE", "Correct it, or put a # before it.");
    }
    lines.push_back({std::string(trimmed(content.substr(0, equals))),
                     value_in(trimmed(line.substr(line.find('=') + 1))), number});
  }
  return lines;
}

std::string ini_line(std::string_view name, std::string_view value) {
  return fmt::format("{}={}\n", name, needs_quotes(value) ? quoted(value) : std::string(value));
}

}  // namespace hierevo::app
