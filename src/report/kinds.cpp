#include "kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace hierevo::report {

namespace {

constexpr const char* data_fact = "data";

/// What was searched and how, by name.
using Facts = std::map<std::string, std::string>;

Facts facts_of(const RunData& run) {
  Facts facts(run.conditions->begin(), run.conditions->end());
  facts["algorithm"] = evolution::name(run.search.options.algorithm);
  facts["space"] = run.search.options.space.name();
  if (run.data) {
    search::DataFacts data = *run.data;
    data.name.clear();  // equal data may have other names
    facts[data_fact] = search::description(data);
  }
  return facts;
}

bool same_name_for_other_data(const RunData& run, const std::vector<RunData>& runs) {
  return std::ranges::any_of(runs, [&run](const RunData& other) {
    return other.data && other.data->name == run.data->name &&
           !search::same_data(*other.data, *run.data);
  });
}

std::string data_label(const RunData& run, const std::vector<RunData>& runs) {
  if (!same_name_for_other_data(run, runs)) return run.data->name;
  return fmt::format("{} ({})", run.data->name, search::fingerprint_text(run.data->fingerprint));
}

/// The facts of `run` that another run does not have.
std::string label_of(const RunData& run, const std::vector<RunData>& runs,
                     const std::vector<Facts>& all) {
  Facts facts = facts_of(run);
  std::string label = fmt::format("{}, {}", facts.at("algorithm"), facts.at("space"));
  facts.erase("algorithm");
  facts.erase("space");
  for (const auto& [name, value] : facts) {
    const bool common = std::ranges::all_of(all, [&fact = name, &wanted = value](const Facts& one) {
      const auto found = one.find(fact);
      return found != one.end() && found->second == wanted;
    });
    if (common) continue;
    label += fmt::format(", {} {}", name, name == data_fact ? data_label(run, runs) : value);
  }
  return label;
}

}  // namespace

std::vector<Kind> kinds_of(const std::vector<RunData>& runs) {
  std::vector<Facts> all;
  std::map<Facts, std::vector<const RunData*>> groups;
  for (const RunData& run : runs) {
    if (!run.conditions) continue;
    all.push_back(facts_of(run));
    groups[all.back()].push_back(&run);
  }
  std::vector<Kind> kinds;
  for (auto& [facts, group] : groups) {
    kinds.push_back({label_of(*group.front(), runs, all), std::move(group)});
  }
  return kinds;
}

}  // namespace hierevo::report
