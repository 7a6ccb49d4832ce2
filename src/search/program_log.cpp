#include "program_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hierevo/core/log.hpp"

namespace hierevo::search {

namespace {

/// A longer line is logged in parts.
constexpr std::size_t longest_line = 4096;
/// What the log writes in front of a line, about.
constexpr std::size_t line_overhead = 60;

}  // namespace

void ProgramLog::begin(std::optional<evolution::IndividualId> id) {
  whose_ = id ? fmt::format("Candidate {}", number(*id)) : "The program";
  logged_ = 0;
  last_words_.clear();
}

void ProgramLog::take(std::string& text, bool all) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::string_view rest = std::string_view(text).substr(begin);
    const std::size_t end = std::min(rest.find('\n'), longest_line);
    if (end >= rest.size() && !all) break;
    line(rest.substr(0, end));
    const bool newline = end < rest.size() && rest[end] == '\n';
    begin += std::min(end, rest.size()) + (newline ? 1 : 0);
  }
  text.erase(0, begin);
}

void ProgramLog::line(std::string_view text) {
  text = text.substr(0, text.find_last_not_of("\r \t") + 1);
  if (text.empty()) return;
  last_words_.add(text);
  last_words_.add("\n");
  if (logged_ > most_output) return;
  logged_ += text.size() + line_overhead;
  if (logged_ > most_output) {
    core::log(core::LogLevel::warning, "{}: prints more than 1 MiB: the rest is not shown", whose_);
    return;
  }
  core::log(core::LogLevel::info, "{}: {}", whose_, text);
}

}  // namespace hierevo::search
