// The options of a run, as its config.ini has them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hierevo/core/numbers.hpp"
#include "hierevo/report/final_training.hpp"
#include "search_options.hpp"

namespace hierevo::app {

struct RecordedSearch {
  SearchCommandOptions command;
  /// Those with other values than their defaults, and their values.
  std::vector<std::pair<std::string, std::string>> changed;
  /// Those of them that results depend on, without the seed.
  std::vector<std::pair<std::string, std::string>> conditions;
};

/// Nothing where there is no config.ini. Throws UsageError for what cannot be read.
std::optional<RecordedSearch> recorded_search(const std::filesystem::path& run);

/// The training in `folder`, with the network that its config.ini has. Throws as above.
report::TrainingSource training_source(const std::filesystem::path& folder);

/// The value of an option that the search or training in `folder` has recorded; empty where there
/// is none, or none to be read.
std::string recorded_value(const std::filesystem::path& folder, const std::string& option);

/// The same as a number; nothing where it is none.
template <typename Number>
std::optional<Number> recorded_number(const std::filesystem::path& folder,
                                      const std::string& option) {
  return core::parse_number<Number>(recorded_value(folder, option));
}

}  // namespace hierevo::app
