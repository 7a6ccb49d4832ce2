#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/io/snapshot.hpp"
#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

/// A candidate that is being evaluated, and how far it is, as last heard of.
struct UnderWay {
  evolution::IndividualId id{};
  int rank = 0;
  EvaluationProgress at;
};

/// As programs read it: the numbers by their names.
void to_json(nlohmann::json& json, const UnderWay& candidate);

/// How a search that runs is doing.
struct SearchProgress {
  io::RunProgress run;  ///< its times and workers, newer than those of the last snapshot
  std::vector<UnderWay> candidates;
};

/// Keeps it in RUN/progress.json for whoever looks at a running search; for the process that holds
/// the run directory. Nothing depends on that file: what keeps it from being written is not told,
/// and it need not outlast a power cut.
void write_progress(const std::filesystem::path& run, const SearchProgress& progress);
/// When the search ends.
void remove_progress(const std::filesystem::path& run);
/// Nothing when there is no such file, or no proper one. Of a search that was killed it is the
/// last.
std::optional<SearchProgress> read_progress(const std::filesystem::path& run);

/// Whether the file was written in the last half minute: for whoever may not ask for a run's lock.
bool is_shown_as_running(const std::filesystem::path& run);

/// For people: "40 of 60 evaluations", or "60 evaluations, 40 were asked for" after an earlier
/// start that asked for more.
std::string evaluations_text(std::size_t done, std::size_t target);

}  // namespace hierevo::search
