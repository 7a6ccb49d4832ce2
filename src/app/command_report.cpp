#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <span>
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
    } catch (const core::Error& error) {
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
  } catch (const core::Error& error) {
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

/// Adds final trainings that are elsewhere to the runs with their genotypes.
void take_trainings(const std::vector<std::string>& folders, std::vector<report::RunData>& runs) {
  for (const std::string& folder : folders) {
    require_folder(folder);
    report::FinalTraining training = report::read_final_training(training_source(folder));
    training.name = folder;
    bool taken = false;
    for (report::RunData& run : runs) taken = run.take_if_of_this(training) || taken;
    if (taken) continue;
    throw core::UsageError(fmt::format("The training in '{}' is of no individual here", folder),
                           "its genotype is in no history of the given runs",
                           "Give the --run whose cell it trained, or leave this --training out.");
  }
}

/// A file of a report may replace one of an earlier report, but nothing else.
void require_replaceable(const fs::path& file, std::string_view beginning,
                         const std::string& option) {
  const fs::file_type type = fs::symlink_status(file).type();
  if (type == fs::file_type::not_found) return;
  const std::string there = fmt::format("'{}' is there already, and is no ", file.string());
  const std::string suggestion = fmt::format("Choose another --{}.", option);
  if (!fs::is_regular_file(file)) {
    throw core::UsageError(there + "file", "only an earlier report is replaced", suggestion);
  }
  const auto first_bytes = [](std::span<const std::byte>, std::size_t) { return core::ReadOn::no; };
  const auto bytes = core::read_file(file, std::numeric_limits<std::size_t>::max(), first_bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(beginning)) {
    throw core::UsageError(there + "report", "it would be lost", suggestion);
  }
}

/// While it lives, new files lack the permissions `withheld`, too.
class Umask {
 public:
  explicit Umask(mode_t withheld) : before_(::umask(0777)) { ::umask(before_ | withheld); }
  ~Umask() { ::umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

/// Replaces a file, or the one that it is a link to, by one that no more users can read.
void write_file(const fs::path& file, std::string_view text) {
  const bool there = core::path_exists(file);
  const fs::path place = there ? fs::canonical(file) : file;
  const auto permissions = there ? fs::status(place).permissions() : fs::perms::all;
  const Umask umask(static_cast<mode_t>(~permissions & fs::perms::all));
  core::replace_file(place, text, core::Writers::several);
}

}  // namespace

int command_report(const Arguments& arguments) {
  std::vector<std::string> names;
  std::vector<std::string> trainings;
  std::string out;
  std::string csv;
  OptionSet options(
      "usage: hierevo report --run DIR [--run DIR ...] [--training FOLDER ...] [--out FILE] "
      "[--csv DIR]",
      "Writes a page about a search, running or ended: how it went, the best cells, "
      "failures,\nfinal trainings. One HTML file that needs no network and no server. "
      "Several runs are also\ndrawn over each other.");
  options.group("Report");
  options.add_list("run", &names, "a run directory; may be given several times");
  options.add_list("training", &trainings,
                   "a final training of a run's cell outside the run's directory (hierevo train "
                   "--out); may be given several times");
  options.add("out", &out, "the page; empty: report/index.html in the first run's directory");
  options.add("csv", &csv,
              "also write the numbers behind every chart to CSV files in this folder, replacing "
              "those of an earlier report");
  options.epilogue(
      "Examples:\n  hierevo report --run my-run\n"
      "  hierevo report --run seed-1 --run seed-2 --run seed-3 --out seeds.html --csv seeds\n"
      "  hierevo report --run my-run --training my-training\n");
  if (!options.parse(arguments)) return 0;
  if (names.empty()) throw core::UsageError("No run is given", "", "Give --run DIR.");

  const fs::path page =
      out.empty() ? fs::path(names.front()) / "report" / "index.html" : fs::path(out);
  std::vector<report::RunData> runs;
  for (const std::string& name : names) runs.push_back(run_data(name));
  require_replaceable(page, report::page_beginning, "out");
  take_trainings(trainings, runs);
  name_apart(runs);
  const report::Report report = report::make_report(runs);
  std::vector<std::pair<fs::path, std::string>> tables;
  if (!csv.empty()) {
    for (auto& [name, text] : report.csv()) tables.emplace_back(fs::path(csv) / name, text);
  }
  for (const auto& [file, text] : tables) {
    require_replaceable(file, report::csv_beginning(text), "csv");
  }
  if (out.empty()) fs::create_directories(page.parent_path());
  write_file(page, report.html);
  if (!csv.empty()) fs::create_directories(csv);
  for (const auto& [file, text] : tables) write_file(file, text);
  print_line("{}", page.string());
  return 0;
}

}  // namespace hierevo::app
