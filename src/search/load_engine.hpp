// What a search resumes from.
#pragma once

#include <filesystem>

#include "hierevo/evolution/engine.hpp"
#include "hierevo/search/search.hpp"
#include "search_record.hpp"

namespace hierevo::search {

/// Throws FieldError when the search in `run`, which began with the options `saved`, would be
/// another one with the options `wanted`.
void require_same_run(const evolution::EngineOptions& saved, const evolution::EngineOptions& wanted,
                      const std::filesystem::path& run);

/// The engine, new or as the run directory has it; the record takes over the sums of earlier
/// runs of it. Throws UsageError when the run was begun with other engine options.
evolution::Engine load_engine(const SearchOptions& options, SearchRecord& record);

}  // namespace hierevo::search
