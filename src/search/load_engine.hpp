// What a search resumes from.
#pragma once

#include "hierevo/evolution/engine.hpp"
#include "hierevo/search/search.hpp"
#include "search_record.hpp"

namespace hierevo::search {

/// The engine, new or as the run directory has it; the record takes over the sums of earlier
/// runs of it. Throws UsageError when the run was begun with other engine options.
evolution::Engine load_engine(const SearchOptions& options, SearchRecord& record);

}  // namespace hierevo::search
