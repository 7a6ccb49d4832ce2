#include "hierevo/report/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "assets.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/report/run_charts.hpp"
#include "html.hpp"
#include "run_section.hpp"

namespace hierevo::report {

using nlohmann::json;

namespace {

using evolution::Individual;

constexpr std::string_view columns_of_individuals =
    "step,id,parent,status,fitness,parameters,macs,seconds,finished_at,worker,phenotype,reason";

/// Names of the metrics in the order in which they appear. No more than one individual may have, so
/// that evaluators that make up names do not make the table as wide as it is long.
std::vector<std::string> metric_names(const std::vector<Individual>& history) {
  std::vector<std::string> names;
  for (const Individual& one : history) {
    for (const auto& [name, value] : one.evaluation.metrics) {
      if (names.size() == evolution::most_metrics) return names;
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::string individuals_csv(const RunData& run) {
  const std::vector<std::string> metrics = metric_names(run.history());
  std::string text(columns_of_individuals);
  for (const std::string& name : metrics) text += ",metrics." + name;
  text += '\n';
  std::size_t step = 0;
  for (const Individual& one : run.history()) {
    const auto& [candidate, evaluation] = one;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{:016x},{}", ++step, number(candidate.id),
                        candidate.parent ? fmt::format("{}", number(*candidate.parent)) : "",
                        evolution::name(evaluation.status), evaluation.fitness,
                        evaluation.parameters, evaluation.macs, evaluation.seconds,
                        evaluation.finished_at ? fmt::format("{}", *evaluation.finished_at) : "",
                        evaluation.worker, evaluation.phenotype, csv_field(evaluation.reason));
    for (const std::string& name : metrics) {
      const auto found = evaluation.metrics.find(name);
      text += found == evaluation.metrics.end() ? "," : fmt::format(",{}", found->second);
    }
    text += '\n';
  }
  return text;
}

std::string names_of(const std::vector<RunData>& runs) {
  constexpr std::size_t most = 3;
  std::string text;
  for (std::size_t i = 0; i < runs.size() && i < most; ++i) {
    text += (text.empty() ? "" : ", ") + runs[i].name;
  }
  return runs.size() > most ? fmt::format("{} and {} more", text, runs.size() - most) : text;
}

/// The pages of a browser are asked for nothing but what is in this one.
constexpr std::string_view policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'";

std::string head(const std::string& title) {
  return fmt::format(
      "{}<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n",
      page_beginning, policy, html::text(title), page_style);
}

std::string navigation(const std::vector<std::pair<std::string, std::string>>& places) {
  std::string text = "<nav aria-label=\"Parts of this page\"><ul>\n";
  for (const auto& [id, name] : places) {
    text += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", id, html::text(name));
  }
  return text + "</ul></nav>\n";
}

std::string scripts(const std::vector<Chart>& charts) {
  const std::string page = fmt::format("<script>\n{}</script>\n", page_script);
  if (chart_library.empty()) return page;
  json drawn = json::array();
  for (const Chart& chart : charts) {
    if (!chart.empty()) drawn.push_back(to_json(chart));
  }
  const std::string numbers = drawn.dump(-1, ' ', false, json::error_handler_t::replace);
  return fmt::format(
      "<script type=\"application/json\" id=\"chart-numbers\">{}</script>\n<script>{}</script>\n{}",
      html::script_json(numbers), chart_library, page);
}

std::vector<std::pair<std::string, std::string>> parts_of(const RunData& run) {
  std::vector<std::pair<std::string, std::string>> parts = {{"charts", "Charts"}};
  if (run.best() != nullptr) {
    parts.insert(parts.end(),
                 {{"cell", "Best cell"}, {"best", "Best ten"}, {"family", "Ancestors"}});
  }
  if (!run.trainings.empty()) parts.emplace_back("trainings", "Final trainings");
  parts.insert(parts.end(),
               {{"failures", "Failures"}, {"options", "Options"}, {"machine", "Ranks"}});
  return parts;
}

}  // namespace

const std::string_view page_beginning = "<!doctype html>\n<!-- made by hierevo report -->\n";

std::string_view csv_beginning(std::string_view text) {
  constexpr std::string_view of_chart = "series,";
  return text.starts_with(of_chart) ? of_chart : columns_of_individuals;
}

Report make_report(const std::vector<RunData>& runs) {
  const bool several = runs.size() > 1;
  Report report;
  std::string content;
  std::vector<std::pair<std::string, std::string>> places;
  if (several) {
    report.charts = comparison_charts(runs);
    content += "<section id=\"runs-together\"><h2>The runs together</h2>\n" +
               charts_html(report.charts) + "</section>\n";
    places.emplace_back("runs-together", "Together");
  } else {
    places = parts_of(runs.front());
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunData& run = runs[i];
    const std::string prefix = several ? fmt::format("run-{}-", i + 1) : "";
    const std::vector<Chart> charts = search_charts(run, prefix);
    const std::vector<Chart> of_trainings = training_charts(run, prefix);
    if (several) {
      content +=
          fmt::format("<h2 class=\"run\" id=\"{}run\">{}</h2>\n", prefix, html::text(run.name));
      places.emplace_back(prefix + "run", run.name);
    }
    content += run_section(run, charts, of_trainings, prefix);
    report.charts.insert(report.charts.end(), charts.begin(), charts.end());
    report.charts.insert(report.charts.end(), of_trainings.begin(), of_trainings.end());
    report.individuals.emplace_back(prefix + "individuals.csv", individuals_csv(run));
  }
  const std::string title = (several ? "Searches " : "Search ") + names_of(runs);
  std::string html = head(title);
  html += fmt::format("<body>\n<header><h1>{}</h1></header>\n", html::text(title));
  html += navigation(places);
  if (chart_library.empty()) {
    html +=
        "<p class=\"note\">This hierevo was built without Chart.js, and draws no charts: install "
        "libjs-chart.js and build it again.</p>\n";
  }
  html += "<main>\n" + content + "</main>\n";
  html += fmt::format("<footer><p class=\"soft\">Made by hierevo {}.</p></footer>\n",
                      html::text(core::version()));
  html += scripts(report.charts) + "</body>\n</html>\n";
  report.html = std::move(html);
  return report;
}

std::vector<std::pair<std::string, std::string>> Report::csv() const {
  std::vector<std::pair<std::string, std::string>> files;
  for (const Chart& chart : charts) files.emplace_back(chart.id + ".csv", to_csv(chart));
  files.insert(files.end(), individuals.begin(), individuals.end());
  return files;
}

}  // namespace hierevo::report
