#include "recorded_search.hpp"

#include <fmt/format.h>

#include "hierevo/core/error.hpp"
#include "hierevo/search/run_directory.hpp"

namespace hierevo::app {

namespace {

/// Fills the targets of `options`, to which they have been added, from a record.
void read_record(OptionSet& options, const std::string& folder, const std::string& recorded) {
  options.pass_over_environment();
  options.inherit("run", options.recorded_names(),
                  [&recorded](const std::string&) { return recorded; });
  options.parse({"--run", folder});
}

}  // namespace

std::optional<RecordedSearch> recorded_search(const std::filesystem::path& run) {
  const auto recorded = search::RunDirectory::configuration_of(run);
  if (!recorded) return std::nullopt;
  RecordedSearch search;
  OptionSet options("", "");
  search.command.add_to(options);
  read_record(options, run.string(), *recorded);
  search.changed = options.changed();
  search.conditions = options.changed_lasting();
  std::erase_if(search.conditions, [](const auto& option) { return option.first == "seed"; });
  // A later start may give it a program that was moved; another program is another search.
  if (const auto& program = search.command.command; !program.empty()) {
    search.conditions.emplace_back("command", program);
  }
  return search;
}

report::TrainingSource training_source(const std::filesystem::path& folder) {
  ModelOptions model;
  std::string name;
  OptionSet options("", "");
  options.add("run", &name, "", {.recorded = false});
  model.add_to(options);
  read_record(options, folder.string(),
              search::RunDirectory::configuration_of(folder).value_or(""));
  const genome::ModelSpec spec = model.spec();
  return {folder,
          fmt::format("{}, c0={}, N={}", genome::name(spec.kind), spec.channels, spec.cells)};
}

std::string recorded_value(const std::filesystem::path& folder, const std::string& option) {
  try {
    const auto recorded = search::RunDirectory::configuration_of(folder);
    return OptionSet::value_in(recorded.value_or(""), option);
  } catch (const core::Error&) {
    return "";
  }
}

}  // namespace hierevo::app
