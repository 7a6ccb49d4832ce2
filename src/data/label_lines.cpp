#include "label_lines.hpp"

#include <fmt/format.h>

#include <optional>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"

namespace hierevo::data {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view separators = " \t\v\f,;";

/// Takes the word in double quotes off the front of `text`; a quote in it is doubled. Nothing where
/// there is none, as when the closing quote is missing: quotes are then ordinary letters.
std::optional<std::string> take_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string word;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      word += text[i];
    } else if (text.substr(i + 1).starts_with('"')) {
      word += text[i++];
    } else if (i + 1 == text.size() || separators.find(text[i + 1]) != std::string_view::npos) {
      text.remove_prefix(i + 1);
      return word;
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(separators);
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    if (auto quoted = take_quoted(line)) {
      words.push_back(std::move(*quoted));
    } else {
      const std::string_view word = line.substr(0, line.find_first_of(separators));
      words.emplace_back(word);
      line.remove_prefix(word.size());
    }
  }
}

std::string read_utf8(const fs::path& path) {
  std::string text;
  try {
    text = core::read_text_file(path, std::size_t{1} << 28, core::Readable::anything);
  } catch (const core::IoError& error) {
    throw core::UsageError(error.what());
  }
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw core::UsageError(fmt::format("Cannot use '{}'", path.string()), "it is UTF-16",
                           "Save it as UTF-8.");
  }
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text.starts_with(mark)) text.erase(0, mark.size());
  return text;
}

}  // namespace

std::vector<LabelLine> read_label_lines(const fs::path& path) {
  const std::string text = read_utf8(path);
  std::vector<LabelLine> lines;
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find_first_of("\r\n");
    auto words = words_of(rest.substr(0, end));
    if (!words.empty()) lines.push_back({number, std::move(words)});
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return lines;
}

void refuse_label_line(const fs::path& path, std::size_t number, std::string_view why) {
  throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                         fmt::format("line {}: {}", number, why),
                         "See the help on validation labels.");
}

}  // namespace hierevo::data
