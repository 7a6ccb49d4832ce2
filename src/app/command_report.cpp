#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/report/report.hpp"
#include "option_set.hpp"
#include "recorded_search.hpp"
#include "saved_run.hpp"
#include "standard_output.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;

/// The final trainings in the run's folder.
std::vector<report::TrainingSource> trainings_in(const fs::path& run) {
  std::vector<report::TrainingSource> sources;
  for (const fs::path& folder : core::entries_of(run)) {
    if (!core::path_exists(folder / "genotype.json")) continue;
    try {
      sources.push_back(training_source(folder));
    } catch (const core::UsageError& error) {
      core::log(core::LogLevel::warning, "The training in '{}' is left out: {}", folder.string(),
                error.what());
    }
  }
  return sources;
}

report::RunData run_data(const fs::path& run) {
  require_folder(run);
  report::RunSource source{.run = run, .trainings = trainings_in(run)};
  // A report of a run with a damaged record is better than none.
  try {
    if (auto recorded = recorded_search(run)) {
      source.options = std::move(recorded->changed);
      source.conditions = std::move(recorded->conditions);
    }
  } catch (const core::UsageError& error) {
    core::log(core::LogLevel::warning, "{}", error.what());
  }
  auto data = report::read_run_data(source);
  if (!data) throw no_run_in(run);
  return std::move(*data);
}

/// Runs of the same name are told apart by more of their paths.
void name_apart(std::vector<report::RunData>& runs) {
  std::vector<report::RunData*> alike_ones;
  for (report::RunData& run : runs) {
    const auto alike = std::count_if(runs.begin(), runs.end(),
                                     [&run](const auto& other) { return other.name == run.name; });
    if (alike > 1) alike_ones.push_back(&run);
  }
  for (report::RunData* run : alike_ones) run->name = run->run.string();
}

/// A page may replace an earlier one, but nothing else.
void require_replaceable(const fs::path& page) {
  if (!core::path_exists(page)) return;
  std::string beginning(report::page_beginning.size(), ' ');
  std::ifstream(page).read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  if (beginning == report::page_beginning) return;
  throw core::UsageError(fmt::format("'{}' is there already, and is no report", page.string()),
                         "it would be lost", "Choose another --out.");
}

void write_csv(const fs::path& folder, const report::Report& report) {
  fs::create_directories(folder);
  for (const auto& [name, text] : report.csv()) {
    core::replace_file(folder / name, std::string_view(text), core::Writers::several);
  }
}

}  // namespace

int command_report(const Arguments& arguments) {
  std::vector<std::string> names;
  std::string out;
  std::string csv;
  OptionSet options(
      "usage: hierevo report --run DIR [--run DIR ...] [--out FILE] [--csv DIR]",
      "Writes a page about a search, running or ended: how it went, the best cells, "
      "failures,\nfinal trainings. One HTML file that needs no network and no server. "
      "Several runs are also\ndrawn over each other.");
  options.group("Report");
  options.add_list("run", &names, "a run directory; may be given several times");
  options.add("out", &out, "the page; empty: report/index.html in the first run's directory");
  options.add("csv", &csv,
              "also write the numbers behind every chart to CSV files in this folder, replacing "
              "those of an earlier report");
  options.epilogue(
      "Examples:\n  hierevo report --run my-run\n"
      "  hierevo report --run seed-1 --run seed-2 --run seed-3 --out seeds.html --csv seeds\n");
  if (!options.parse(arguments)) return 0;
  if (names.empty()) throw core::UsageError("No run is given", "", "Give --run DIR.");

  const fs::path page =
      out.empty() ? fs::path(names.front()) / "report" / "index.html" : fs::path(out);
  std::vector<report::RunData> runs;
  for (const std::string& name : names) runs.push_back(run_data(name));
  require_replaceable(page);
  name_apart(runs);
  const report::Report report = report::make_report(runs);
  if (out.empty()) fs::create_directories(page.parent_path());
  core::replace_file(page, std::string_view(report.html), core::Writers::several);
  if (!csv.empty()) write_csv(csv, report);
  print_line("{}", page.string());
  return 0;
}

}  // namespace hierevo::app
