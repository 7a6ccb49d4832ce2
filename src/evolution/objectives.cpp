#include "hierevo/evolution/objectives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/printable.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/evolution/pareto.hpp"

namespace hierevo::evolution {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why,
                         const std::string& suggestion) {
  throw core::FieldError("objectives", fmt::format("is '{}'", core::printable(text)), why,
                         suggestion);
}

std::string_view without_spaces(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Objective objective_of(std::string_view part, std::string_view text) {
  part = without_spaces(part);
  Objective objective;
  objective.smaller_is_better = part.starts_with('-');
  objective.name = part.substr(objective.smaller_is_better ? 1 : 0);
  const auto& names = names_of_results;
  const bool known = std::ranges::find(names, objective.name) != names.end();
  if (!known && !can_be_metric(objective.name)) {
    refuse(text, fmt::format("'{}' is no name of an objective", core::printable(part)),
           "Give names with commas between them, each with a '-' before it where less is better: "
           "fitness,-parameters.");
  }
  return objective;
}

std::optional<double> value_of(const Objective& objective, const Evaluation& evaluation) {
  if (objective.name == "fitness") return evaluation.fitness;
  if (objective.name == "parameters") return static_cast<double>(evaluation.parameters);
  if (objective.name == "macs") return static_cast<double>(evaluation.macs);
  const auto found = evaluation.metrics.find(objective.name);
  if (found == evaluation.metrics.end()) return std::nullopt;
  return found->second;
}

}  // namespace

Objectives objectives_of(std::string_view text) {
  Objectives objectives;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    Objective objective = objective_of(rest.substr(0, comma), text);
    const auto same = [&](const Objective& other) { return other.name == objective.name; };
    if (std::ranges::any_of(objectives, same)) {
      refuse(text, fmt::format("'{}' is there twice", objective.name), "Name it once.");
    }
    objectives.push_back(std::move(objective));
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (objectives.size() > most_objectives) {
    refuse(text, "among so many hardly any individual dominates another",
           fmt::format("Give {} at most.", most_objectives));
  }
  return objectives;
}

std::string text_of(const Objectives& objectives) {
  std::string text;
  for (const Objective& one : objectives) {
    if (!text.empty()) text += ',';
    if (one.smaller_is_better) text += '-';
    text += one.name;
  }
  return text;
}

bool is_fitness_alone(const Objectives& objectives) {
  return objectives == Objectives{Objective{}};
}

std::string missing_objective(const Objectives& objectives, const Evaluation& evaluation) {
  if (!has_fitness(evaluation.status)) return "";
  for (const Objective& one : objectives) {
    if (!value_of(one, evaluation)) return one.name;
  }
  return "";
}

std::vector<double> values_of(const Objectives& objectives, const Evaluation& evaluation) {
  if (!has_fitness(evaluation.status)) return {};
  std::vector<double> values;
  for (const Objective& one : objectives) {
    const auto value = value_of(one, evaluation);
    if (!value) return {};
    values.push_back(*value);
  }
  return values;
}

std::vector<double> scores_of(const Objectives& objectives, const Evaluation& evaluation) {
  std::vector<double> scores = values_of(objectives, evaluation);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (objectives[i].smaller_is_better) scores[i] = -scores[i];
  }
  return scores;
}

std::string value_text(const Objective& objective, double value) {
  if (objective.name == "fitness") return fmt::format("{:.4f}", value);
  if (objective.name == "parameters" || objective.name == "macs") {
    return core::grouped_text(static_cast<std::int64_t>(value));
  }
  return fmt::format("{:.6g}", value);
}

std::vector<std::string> value_texts(const Objectives& objectives, const Evaluation& evaluation) {
  const std::vector<double> values = values_of(objectives, evaluation);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    texts.push_back(value_text(objectives[i], values[i]));
  }
  return texts;
}

std::vector<const Individual*> pareto_front(const std::vector<Individual>& history,
                                            const Objectives& objectives) {
  struct Member {
    const Individual* individual;
    std::vector<double> scores;
  };
  std::vector<Member> all;
  for (const Individual& one : history) {
    std::vector<double> scores = scores_of(objectives, one.evaluation);
    if (!scores.empty()) all.push_back({&one, std::move(scores)});
  }
  std::ranges::stable_sort(all,
                           [](const Member& a, const Member& b) { return a.scores > b.scores; });
  // In this order whoever dominates one comes before it: it is compared with the front so far.
  std::vector<const Individual*> front;
  std::vector<std::vector<double>> of_front;
  for (Member& member : all) {
    const auto is_as_good = [&](const std::vector<double>& other) {
      return other == member.scores || dominates(other, member.scores);
    };
    // What dominates it is likely to be near.
    if (std::any_of(of_front.rbegin(), of_front.rend(), is_as_good)) continue;
    front.push_back(member.individual);
    of_front.push_back(std::move(member.scores));
  }
  return front;
}

std::vector<const Individual*> spread_over(const std::vector<const Individual*>& front,
                                           std::size_t most) {
  if (front.size() <= most) return front;
  std::vector<const Individual*> some;
  for (std::size_t i = 0; i < most; ++i) some.push_back(front[i * (front.size() - 1) / (most - 1)]);
  return some;
}

}  // namespace hierevo::evolution
