#include "evaluator_outcome.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/core/printable.hpp"
#include "hierevo/evolution/codec.hpp"

namespace hierevo::search {

namespace {

using evolution::Evaluation;
using evolution::Status;
using nlohmann::json;

/// Which of the numbers that JSON does not have, but Python's `json` writes, it begins with.
std::string_view no_number_at(std::string_view text) {
  for (const std::string_view name : {"NaN", "Infinity", "-Infinity"}) {
    if (text.starts_with(name)) return name;
  }
  return {};
}

/// With null in the places of these.
std::string with_null_for_no_number(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_text = !in_text;
    const std::string_view name = in_text ? "" : no_number_at(text.substr(i));
    if (!name.empty()) {
      result += "null";
      i += name.size() - 1;
      continue;
    }
    result += text[i];
    // What follows a backslash ends no text.
    if (in_text && text[i] == '\\' && i + 1 < text.size()) result += text[++i];
  }
  return result;
}

Evaluation failed(std::string reason) {
  return Evaluation::failure(Status::failed, std::move(reason));
}

/// The numbers of a list, or one number as a list of it; NaN for null where that is allowed.
/// Nothing for what is none.
std::optional<std::vector<double>> numbers_of(const json& value, bool or_null) {
  if (!value.is_array()) return numbers_of(json::array({value}), or_null);
  std::vector<double> numbers;
  for (const json& one : value) {
    if (one.is_null() && or_null) {
      numbers.push_back(std::numeric_limits<double>::quiet_NaN());
    } else if (one.is_number() && std::isfinite(one.get<double>())) {
      numbers.push_back(one.get<double>());
    } else {
      return std::nullopt;
    }
  }
  return numbers;
}

/// What is wrong with them is in `problem`, which is empty if nothing is.
evolution::Metrics metrics_in(const json& message, std::string& problem) {
  evolution::Metrics metrics;
  const auto found = message.find("metrics");
  if (found == message.end()) return metrics;
  if (!found->is_object()) problem = R"("metrics" that are not a JSON object of names and numbers)";
  if (!problem.empty()) return metrics;
  for (const auto& [name, value] : found->items()) {
    if (!value.is_number()) {
      problem = fmt::format("a metric '{}' that is not a finite number", core::printable(name));
      return metrics;
    }
    metrics.emplace(name, value.get<double>());
  }
  problem = evolution::problem_with(metrics);
  return metrics;
}

}  // namespace

json parse_python_json(std::string_view text) {
  // Seldom is there one of them; a search for the letters is quick.
  const bool plain = text.find("NaN") == text.npos && text.find("Infinity") == text.npos;
  return json::parse(plain ? std::string(text) : with_null_for_no_number(text), nullptr,
                     /*allow_exceptions=*/false);
}

Evaluation read_failure(const json& message) {
  std::string reason = "the program gave no reason";
  if (const auto given = message.find("reason"); given != message.end() && given->is_string()) {
    reason = given->get<std::string>();
  }
  const json kind = message.value("kind", json());
  for (const Status status : {Status::diverged, Status::out_of_memory, Status::failed}) {
    if (kind == name(status)) return Evaluation::failure(status, reason);
  }
  return failed(fmt::format(
      R"("kind" is {}, and not "diverged", "out_of_memory" or "failed"; the reason: {})",
      kind.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 100), reason));
}

Evaluation read_result(const json& message) {
  const auto found = message.find("fitness");
  const bool has_fitness = found != message.end() && (found->is_number() || found->is_null());
  if (!has_fitness) return failed(R"(there is no finite number "fitness")");
  if (found->is_null() || !std::isfinite(found->get<double>())) {
    return Evaluation::failure(Status::diverged, "the fitness is NaN or infinite, and not finite");
  }
  Evaluation evaluation;
  evaluation.fitness = found->get<double>();
  if (evaluation.fitness < 0.0) {
    return failed(fmt::format("the fitness is {}, and not a number from 0 up", evaluation.fitness));
  }
  evaluation.repeat_fitness = {evaluation.fitness};
  if (const auto values = message.find("values"); values != message.end()) {
    const auto numbers = numbers_of(*values, /*or_null=*/false);
    if (!numbers) return failed(R"("values" are not finite numbers)");
    evaluation.repeat_fitness = *numbers;
  }
  if (const auto loss = message.find("loss"); loss != message.end()) {
    const auto numbers = numbers_of(*loss, /*or_null=*/true);
    if (!numbers) return failed(R"("loss" is not a number or a list of numbers)");
    evaluation.repeat_loss = *numbers;
  }
  if (const auto seconds = message.find("seconds"); seconds != message.end()) {
    if (!seconds->is_number()) return failed(R"("seconds" is not a number)");
    evaluation.seconds = seconds->get<double>();
  }
  std::string problem;
  evaluation.metrics = metrics_in(message, problem);
  if (!problem.empty()) return failed("the program gave " + problem);
  return evaluation;
}

}  // namespace hierevo::search
