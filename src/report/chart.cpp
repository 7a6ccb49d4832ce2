#include "hierevo/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "hierevo/core/numbers.hpp"
#include "hierevo/core/printable.hpp"

namespace hierevo::report {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 4> marks_names = {"points", "line", "steps", "band"};

/// Axes a little longer than the largest numbers would end at infinity, which Chart.js never
/// reaches.
constexpr double most_drawn = 1e300;

/// Six digits are more than a screen shows, and a third of what doubles take.
json numbers(const std::vector<double>& values) {
  json list = json::array();
  for (const double value : values) {
    if (std::abs(value) <= most_drawn) {
      list.push_back(core::parse_number<double>(fmt::format("{:.6g}", value)).value_or(value));
    } else {
      list.push_back(nullptr);
    }
  }
  return list;
}

std::string digits(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "";
}

}  // namespace

bool Chart::empty() const {
  return std::all_of(series.begin(), series.end(), [](const Series& one) { return one.x.empty(); });
}

json to_json(const Chart& chart) {
  json series = json::array();
  for (const Series& one : chart.series) {
    json entry = {{"label", one.label},
                  {"marks", marks_names.at(static_cast<std::size_t>(one.marks))},
                  {"x", numbers(one.x)},
                  {"y", numbers(one.y)}};
    if (!one.top.empty()) entry["top"] = numbers(one.top);
    if (!one.individual.empty()) entry["individual"] = one.individual;
    series.push_back(std::move(entry));
  }
  const auto axis = [](const Axis& of) {
    return json{{"title", of.title}, {"logarithmic", of.logarithmic}, {"from_zero", of.from_zero}};
  };
  return {{"id", chart.id}, {"x", axis(chart.x)}, {"y", axis(chart.y)}, {"series", series}};
}

std::string csv_field(const std::string& plain) {
  const std::string text = core::printable(plain);
  if (text.find_first_of(",\"") == text.npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + '"';
}

std::string to_csv(const Chart& chart) {
  const auto any = [&](const auto& has) { return std::ranges::any_of(chart.series, has); };
  const bool tops = any([](const Series& one) { return !one.top.empty(); });
  const bool individuals = any([](const Series& one) { return !one.individual.empty(); });
  std::string text =
      fmt::format("series,{},{}{}{}\n", csv_field(chart.x.title), csv_field(chart.y.title),
                  tops ? ",top" : "", individuals ? ",individual" : "");
  for (const Series& one : chart.series) {
    const std::string label = csv_field(one.label);
    for (std::size_t i = 0; i < one.x.size(); ++i) {
      text += fmt::format("{},{},{}", label, digits(one.x[i]), digits(one.y[i]));
      if (tops) text += ',' + (one.top.empty() ? "" : digits(one.top[i]));
      if (individuals) text += one.individual.empty() ? "," : fmt::format(",{}", one.individual[i]);
      text += '\n';
    }
  }
  return text;
}

}  // namespace hierevo::report
