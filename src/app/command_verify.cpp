#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/verify.hpp"
#include "option_set.hpp"
#include "recorded_search.hpp"
#include "saved_run.hpp"
#include "standard_output.hpp"

namespace hierevo::app {

namespace {

using nlohmann::json;

/// What the run's config.ini says of its search, network and data; nothing where there is none.
search::VerifyOptions options_of(const std::filesystem::path& run) {
  const auto recorded = recorded_search(run);
  if (!recorded) return {};
  const SearchCommandOptions& command = recorded->command;
  search::VerifyOptions options;
  options.model = command.model.spec();
  options.engine = command.engine();
  options.trains = command.evaluator == "train";
  // A pack is recorded with its whole path, or by its name in a folder; other data by their names.
  const std::filesystem::path data = command.data.dataset;
  const std::filesystem::path folder = command.data.data_dir;
  const bool found = data.is_absolute() || (data.has_extension() && !folder.empty());
  if (options.trains && found) options.pack = folder / data;
  return options;
}

/// The same, where a config.ini that cannot be read is one more problem.
search::VerifyOptions options_or_problem(const std::filesystem::path& run,
                                         std::vector<search::Problem>& problems) {
  try {
    return options_of(run);
  } catch (const std::exception& error) {
    if (core::is_out_of_memory(error)) throw;
    problems.push_back({run / "config.ini", {}, core::failure_of(error).text});
    return {};
  }
}

json as_json(const std::string& run, const search::Verification& found) {
  json problems = json::array();
  for (const search::Problem& problem : found.problems) {
    problems.push_back(
        {{"file", problem.file.string()},
         {"candidate", problem.candidate ? json(number(*problem.candidate)) : json()},
         {"problem", problem.line()}});
  }
  return {{"run", run},
          {"agrees", found.problems.empty()},
          {"candidates", found.candidates()},
          {"evaluated", found.evaluated},
          {"reused", found.reused},
          {"failed", found.failed},
          {"in_flight", found.in_flight},
          {"files", found.files},
          {"problems", problems},
          {"notes", found.notes}};
}

void print_for_people(const search::Verification& found) {
  for (const search::Problem& problem : found.problems)
    print_line(std::string_view(problem.line()));
  for (const std::string& text : found.notes) print_line("Note: {}.", text);
  const std::string all = fmt::format(
      "{} candidates ({} evaluated, {} reused, {} failed, {} invalid or over a bound, {} in "
      "flight) and {} files",
      found.candidates(), found.evaluated, found.reused, found.failed, found.others,
      found.in_flight, found.files);
  if (found.problems.empty()) {
    print_line("{}: all agree.", all);
  } else {
    print_line("{}: {} problems.", all, found.problems.size());
  }
}

}  // namespace

int command_verify(const Arguments& arguments) {
  std::string run;
  bool as_json_text = false;
  OptionSet options(
      "usage: hierevo verify --run DIR [--json]",
      "Replays a search from its options and checks everything that it left: ids, seeds,\n"
      "genotypes and the choice of every parent, fitness, phenotypes, costs and total times;\n"
      "snapshots, journals, checkpoints, weights and data. Changes nothing; the\n"
      "search may be running. Exit code 3 if there are problems, which are printed one per line.");
  options.group("Verify");
  options.add("run", &run, "the run directory");
  options.add("json", &as_json_text, "as JSON");
  options.epilogue(
      "Each problem names its file. An earlier snapshot or the journals often contain what a\n"
      "damaged file lost, and the search resumes from these by itself: see hierevo status\n"
      "--run DIR.\n");
  if (!options.parse(arguments)) return 0;
  if (run.empty()) throw core::UsageError("No run is given", "", "Give --run DIR.");

  require_folder(run);
  std::vector<search::Problem> problems;
  auto found = search::verify_run(run, options_or_problem(run, problems));
  if (!found) throw no_run_in(run);
  found->problems.insert(found->problems.begin(), problems.begin(), problems.end());
  if (as_json_text) {
    std::cout << as_json(run, *found).dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  } else {
    print_for_people(*found);
  }
  return static_cast<int>(found->problems.empty() ? core::ExitCode::finished
                                                  : core::ExitCode::run_directory);
}

}  // namespace hierevo::app
