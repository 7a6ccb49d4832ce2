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

/// A run to report on: its folder, and what only its options say.
struct RunSource {
  std::filesystem::path run;
  /// Options with other values than their defaults, with these values.
  std::vector<std::pair<std::string, std::string>> options{};
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
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<FinalTraining> trainings;

  /// All individuals, in the order of their results.
  const std::vector<evolution::Individual>& history() const { return search.state.history; }
  /// evolution::best_of() the history.
  const evolution::Individual* best() const;
  /// "evolution, hierarchical": runs of one kind differ by chance alone, as far as this says.
  std::string kind() const;
};

/// Reads it, also while the search runs. Nothing where there is no run. Throws CheckpointError and
/// IoError for what cannot be read; a final training that cannot be is left out with a warning.
std::optional<RunData> read_run_data(const RunSource& source);

}  // namespace hierevo::report
