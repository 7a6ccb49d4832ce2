#include "external_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace hierevo::search {

namespace {

using evolution::Evaluation;

/// Without the sequences that make a terminal erase, to colour or to hide: ESC [ and more
/// up to a letter or the like.
std::string without_terminal_sequences(std::string_view text) {
  std::string plain;
  while (true) {
    const std::size_t begin = text.find("\x1b[");
    plain += text.substr(0, begin);
    if (begin == std::string_view::npos) return plain;
    text.remove_prefix(begin + 2);
    const auto* end =
        std::find_if(text.begin(), text.end(), [](char one) { return one >= '@' && one <= '~'; });
    text.remove_prefix(std::min<std::size_t>(text.size(), end - text.begin() + 1));
  }
}

std::string_view last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of("\r\n \t");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return text.substr(text.find_last_of("\r\n") + 1);
}

/// Which of the numbers that JSON does not have, but Python's `json` writes, it begins with.
std::string_view no_number_at(std::string_view json) {
  for (const std::string_view name : {"NaN", "Infinity", "-Infinity"}) {
    if (json.starts_with(name)) return name;
  }
  return {};
}

/// With null in the places of these.
std::string with_null_for_no_number(std::string_view json) {
  std::string result;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') in_text = !in_text;
    const std::string_view name = in_text ? "" : no_number_at(json.substr(i));
    if (!name.empty()) {
      result += "null";
      i += name.size() - 1;
      continue;
    }
    result += json[i];
    // What follows a backslash ends no text.
    if (in_text && json[i] == '\\' && i + 1 < json.size()) result += json[++i];
  }
  return result;
}

}  // namespace

Evaluation read_external_answer(std::string_view output) {
  const std::string plain = without_terminal_sequences(output);
  const std::string_view line = last_line(plain);
  const auto answer = nlohmann::json::parse(with_null_for_no_number(line), nullptr,
                                            /*allow_exceptions=*/false);
  const bool sound =
      answer.is_object() && answer.contains("fitness") && answer["fitness"].is_number() &&
      std::isfinite(answer["fitness"].get<double>()) && answer["fitness"].get<double>() >= 0.0;
  if (!sound) {
    return Evaluation::failure(
        evolution::Status::failed,
        fmt::format("the last line that the program printed is not a JSON object with a "
                    "finite \"fitness\" from 0 up: '{}'",
                    line.substr(0, 200)));
  }
  Evaluation evaluation;
  evaluation.fitness = answer["fitness"].get<double>();
  evaluation.repeat_fitness = {evaluation.fitness};
  return evaluation;
}

}  // namespace hierevo::search
