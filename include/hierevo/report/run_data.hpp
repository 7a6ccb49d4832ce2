#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hierevo/io/snapshot.hpp"
#include "hierevo/report/final_training.hpp"
#include "hierevo/search/data_facts.hpp"
#include "hierevo/search/rank_record.hpp"

namespace hierevo::report {

/// Names of options and their values.
using OptionValues = std::vector<std::pair<std::string, std::string>>;

/// A run to report on: its folder, and what only its options say.
struct RunSource {
  std::filesystem::path run;
  /// Options with other values than their defaults, with these values.
  OptionValues options{};
  /// Those of them that results depend on, without the seed; nothing where they are not known.
  std::optional<OptionValues> conditions{};
  std::vector<TrainingSource> trainings{};
};

/// What a run directory says, at one moment.
struct RunData {
  std::filesystem::path run;
  std::string name;  ///< short, and another one for each of several runs
  bool running = false;
  io::Snapshot search;
  std::optional<search::RankRecord> ranks;
  std::optional<search::DataFacts> data;
  OptionValues options;
  std::optional<OptionValues> conditions;
  std::vector<FinalTraining> trainings;

  /// All individuals, in the order of their results.
  const std::vector<evolution::Individual>& history() const { return search.state.history; }
  /// evolution::best_of() the history.
  const evolution::Individual* best() const;
  /// Whether its fitnesses are validation accuracies of trained networks.
  bool trains() const;
  /// Adds the training of one of its individuals, once; false for one of another genotype.
  bool take_if_of_this(FinalTraining training);
};

/// Reads it, also while the search runs. Nothing where there is no run. Throws CheckpointError and
/// IoError for what cannot be read; a final training that cannot be is left out with a warning.
std::optional<RunData> read_run_data(const RunSource& source);

}  // namespace hierevo::report
