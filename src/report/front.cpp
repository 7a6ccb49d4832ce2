#include "front.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "hierevo/core/quantity_text.hpp"
#include "hierevo/evolution/objectives.hpp"
#include "html.hpp"

namespace hierevo::report {

namespace {

using evolution::Individual;
using evolution::Objective;
using evolution::Objectives;

std::vector<const Individual*> front_of(const RunData& run) {
  return evolution::pareto_front(run.history(), run.search.options.objectives);
}

std::string title_of(const Objective& objective) {
  if (objective.name == "fitness") return "Fitness";
  if (objective.name == "parameters") return "Parameters";
  if (objective.name == "macs") return "Multiply-accumulates for one image";
  return objective.name;
}

Axis axis_of(const Objective& objective) {
  const bool counts = objective.name == "parameters" || objective.name == "macs";
  return {.title = title_of(objective), .logarithmic = counts};
}

/// Which objective goes to the right: what is to be small, as costs are.
std::pair<std::size_t, std::size_t> plane(const Objectives& objectives) {
  const bool first = objectives[0].smaller_is_better && !objectives[1].smaller_is_better;
  return first ? std::pair(0, 1) : std::pair(1, 0);
}

void add_values(Series& series, const Individual& one, const RunData& run) {
  const Objectives& objectives = run.search.options.objectives;
  const auto [x, y] = plane(objectives);
  const std::vector<double> values = values_of(objectives, one.evaluation);
  if (values.empty()) return;
  series.x.push_back(values[x]);
  series.y.push_back(values[y]);
  series.individual.push_back(number(one.candidate.id));
}

}  // namespace

bool has_front(const RunData& run) {
  return run.search.options.objectives.size() > 1 && run.best() != nullptr;
}

Chart front_chart(const RunData& run, const std::string& prefix) {
  const Objectives& objectives = run.search.options.objectives;
  const auto [x, y] = plane(objectives);
  Series all{.label = "individuals"};
  for (const Individual& one : run.history()) add_values(all, one, run);
  // With more objectives, members of the front are anywhere in the plane of two.
  Series front{.label = "Pareto front",
               .marks = objectives.size() == 2 ? Marks::line : Marks::points};
  std::vector<const Individual*> members = front_of(run);
  std::ranges::stable_sort(members, {}, [&objectives, x = x](const Individual* one) {
    return values_of(objectives, one->evaluation)[x];
  });
  for (const Individual* one : members) add_values(front, *one, run);
  const std::string summary = fmt::format(
      "{} against {} of {}; no other one dominates {} of them in all objectives ({}).",
      title_of(objectives[y]), title_of(objectives[x]),
      core::counted_text(all.x.size(), "individual"), front.x.size(), text_of(objectives));
  return {.id = prefix + "objectives",
          .title = "The Pareto front",
          .summary = summary,
          .x = axis_of(objectives[x]),
          .y = axis_of(objectives[y]),
          .series = {std::move(all), std::move(front)}};
}

std::string front_html(const RunData& run) {
  const Objectives& objectives = run.search.options.objectives;
  const auto front = front_of(run);
  constexpr std::size_t most = 50;
  const auto shown = spread_over(front, most);
  std::vector<std::string> headings = {"Individual"};
  for (const Objective& one : objectives) headings.push_back(title_of(one));
  std::vector<std::vector<html::Cell>> rows;
  for (const Individual* one : shown) {
    auto& row = rows.emplace_back();
    row.push_back(html::number(fmt::format("{}", number(one->candidate.id))));
    for (const std::string& text : value_texts(objectives, one->evaluation)) {
      row.push_back(html::number(text));
    }
  }
  std::string text = fmt::format(
      "<p>No other individual dominates {} in all objectives ({}, where a minus means that less is "
      "better){}. <code>hierevo export</code> writes their genotypes.</p>\n",
      front.size() == 1 ? "this one" : fmt::format("these {}", front.size()),
      html::text(text_of(objectives)),
      shown.size() < front.size() ? fmt::format("; {} of them are shown", shown.size()) : "");
  return text + html::table(headings, rows);
}

}  // namespace hierevo::report
