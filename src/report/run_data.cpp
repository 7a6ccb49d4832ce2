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

std::optional<evolution::IndividualId> individual_with(const genome::Genotype& genotype,
                                                       const std::vector<Individual>& history) {
  const auto found = std::ranges::find_if(history, [&genotype](const Individual& individual) {
    return individual.candidate.genotype == genotype;
  });
  if (found == history.end()) return std::nullopt;
  return found->candidate.id;
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
    trainings.back().individual = individual_with(trainings.back().genotype, history);
  }
  return trainings;
}

}  // namespace

const Individual* RunData::best() const {
  return evolution::best_of(history());
}

bool RunData::trains() const {
  return std::ranges::none_of(options, [](const auto& one) { return one.first == "evaluator"; });
}

bool RunData::take_if_of_this(FinalTraining training) {
  training.individual = individual_with(training.genotype, history());
  if (!training.individual) return false;
  const auto same_folder = [&training](const FinalTraining& other) {
    std::error_code unknown;
    return std::filesystem::equivalent(other.folder, training.folder, unknown);
  };
  if (std::ranges::none_of(trainings, same_folder)) trainings.push_back(std::move(training));
  return true;
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
                 .conditions = source.conditions,
                 .trainings = std::move(trainings)};
}

}  // namespace hierevo::report
