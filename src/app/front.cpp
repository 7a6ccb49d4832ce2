#include "front.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/codec.hpp"
#include "saved_run.hpp"

namespace hierevo::app {

using evolution::Individual;
using evolution::Objectives;
using nlohmann::json;

json front_member(const Individual& individual, const Objectives& objectives) {
  const evolution::Evaluation& evaluation = individual.evaluation;
  json named = json::object();
  const std::vector<double> values = values_of(objectives, evaluation);
  for (std::size_t i = 0; i < values.size(); ++i) named[objectives[i].name] = values[i];
  // Whole numbers, unlike the others.
  if (named.contains("parameters")) named["parameters"] = evaluation.parameters;
  if (named.contains("macs")) named["macs"] = evaluation.macs;
  return {{"id", number(individual.candidate.id)}, {"values", std::move(named)}};
}

std::vector<std::string> front_table(const std::vector<const Individual*>& front,
                                     const Objectives& objectives) {
  std::vector<std::vector<std::string>> rows = {{"individual"}};
  for (const auto& objective : objectives) rows[0].push_back(objective.name);
  for (const Individual* one : front) {
    auto& row = rows.emplace_back();
    row.push_back(fmt::format("{}", number(one->candidate.id)));
    std::ranges::move(value_texts(objectives, one->evaluation), std::back_inserter(row));
  }
  std::vector<std::string> lines(rows.size());
  for (std::size_t column = 0; column < rows[0].size(); ++column) {
    std::size_t width = 0;
    for (const auto& row : rows) width = std::max(width, row[column].size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      lines[i] += fmt::format("{}{:>{}}", column == 0 ? "" : "  ", rows[i][column], width);
    }
  }
  return lines;
}

std::vector<json> genotypes_of_front(const std::string& run) {
  const io::Snapshot snapshot = read_run(run);
  const auto front = pareto_front(snapshot.state.history, snapshot.options.objectives);
  if (front.empty()) {
    throw core::UsageError(fmt::format("The run in '{}' has no front", run),
                           "no candidate was evaluated yet", "Let it search on.");
  }
  std::vector<json> genotypes;
  for (const Individual* one : front) {
    genotypes.push_back(genome::to_json(one->candidate.genotype));
    genotypes.back().update(front_member(*one, snapshot.options.objectives));
  }
  return genotypes;
}

}  // namespace hierevo::app
