#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "hierevo/search/data_facts.hpp"

namespace hierevo::search {

/// What the run or the training in `folder` began with (io/FORMAT.md, "Data record"). Nothing where
/// there is no record. Throws CheckpointError for one that cannot be used.
std::optional<DataFacts> recorded_data(const std::filesystem::path& folder);

/// Writes the record, with the members of the object `besides`, which nobody reads. Throws IoError.
void record_data(const std::filesystem::path& folder, const DataFacts& data,
                 const nlohmann::json& besides);

}  // namespace hierevo::search
