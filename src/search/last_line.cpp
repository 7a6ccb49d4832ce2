#include "last_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "evaluator_outcome.hpp"

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

}  // namespace

Evaluation read_last_line(std::string_view output) {
  const std::string plain = without_terminal_sequences(output);
  const std::string_view line = last_line(plain);
  const auto answer = parse_python_json(line);
  const std::string_view shown = line.substr(0, 200);
  if (!answer.is_object()) {
    return Evaluation::failure(
        evolution::Status::failed,
        fmt::format("the last line that the program printed is not a JSON object with a "
                    "\"fitness\": '{}'",
                    shown));
  }
  if (answer.value("type", nlohmann::json()) == "hello") {
    return Evaluation::failure(evolution::Status::failed,
                               "the program speaks the evaluator protocol, as one that stays, and "
                               "not as one that is started for each candidate");
  }
  if (answer.contains("kind") && !answer.contains("fitness")) return read_failure(answer);
  Evaluation evaluation = read_result(answer);
  if (evolution::is_failure(evaluation.status)) {
    evaluation.reason += fmt::format(": '{}'", shown);
  }
  return evaluation;
}

}  // namespace hierevo::search
