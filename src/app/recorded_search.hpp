// The options of a run, as its config.ini has them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "search_options.hpp"

namespace hierevo::app {

struct RecordedSearch {
  SearchCommandOptions command;
  /// Those with other values than their defaults, and their values.
  std::vector<std::pair<std::string, std::string>> changed;
};

/// Nothing where there is no config.ini. Throws UsageError for what cannot be read.
std::optional<RecordedSearch> recorded_search(const std::filesystem::path& run);

/// The network of the training in `folder`. Throws as above.
ModelOptions recorded_model(const std::filesystem::path& folder);

}  // namespace hierevo::app
