#include "hierevo/report/run_data.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/search/data_record.hpp"
#include "hierevo/search/run_directory.hpp"

namespace hierevo::report {

namespace {

using evolution::Individual;

std::string short_name(const std::filesystem::path& run) {
  const std::filesystem::path plain = std::filesystem::absolute(run).lexically_normal();
  return (plain.has_filename() ? plain : plain.parent_path()).filename().string();
}

std::vector<FinalTraining> read_trainings(const RunSource& source,
                                          const std::vector<Individual>& history) {
  std::vector<FinalTraining> trainings;
  for (const TrainingSource& one : source.trainings) {
    try {
      trainings.push_back(read_final_training(one));
    } catch (const core::Error& error) {
      core::log(core::LogLevel::warning, "The final training in '{}' is left out: {}",
                one.folder.string(), error.what());
      continue;
    }
    FinalTraining& training = trainings.back();
    const auto found = std::ranges::find_if(history, [&](const Individual& individual) {
      return individual.candidate.genotype == training.genotype;
    });
    if (found != history.end()) training.individual = found->candidate.id;
  }
  return trainings;
}

}  // namespace

const Individual* RunData::best() const {
  return evolution::best_of(history());
}

std::string RunData::kind() const {
  return fmt::format("{}, {}", evolution::name(search.options.algorithm),
                     search.options.space.name());
}

std::optional<RunData> read_run_data(const RunSource& source) {
  // Before the rest: a search that ends in between is then shown as running.
  const bool running = search::RunDirectory::in_use(source.run);
  auto search = search::RunDirectory::read(source.run);
  if (!search) return std::nullopt;
  std::vector<FinalTraining> trainings = read_trainings(source, search->state.history);
  return RunData{.run = source.run,
                 .name = short_name(source.run),
                 .running = running,
                 .search = std::move(*search),
                 .ranks = search::read_ranks(source.run),
                 .data = search::recorded_data(source.run),
                 .options = source.options,
                 .trainings = std::move(trainings)};
}

}  // namespace hierevo::report
