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

/// A candidate that is being evaluated, and how far it is, as last reported.
struct CandidateInFlight {
  evolution::IndividualId id{};
  int rank = 0;
  EvaluationProgress at;
  double seconds = 0.0;  ///< that it has taken so far, over all starts
};

/// As programs read it: the numbers by their names.
void to_json(nlohmann::json& json, const CandidateInFlight& candidate);

/// The progress of a running search.
struct SearchProgress {
  io::RunProgress run;  ///< its times and workers, newer than those of the last snapshot
  std::vector<CandidateInFlight> candidates;
};

/// Keeps it in RUN/progress.json for whoever looks at a running search; for the process that holds
/// the run directory. Nothing depends on that file: errors in writing it are ignored, and it
/// need not outlast a power cut.
void write_progress(const std::filesystem::path& run, const SearchProgress& progress);
/// To be called when the search ends.
void remove_progress(const std::filesystem::path& run);
/// Nothing when there is no such file, or no valid one. After a kill it is the
/// last one written.
std::optional<SearchProgress> read_progress(const std::filesystem::path& run);

/// Whether the file was written in the last half minute: for those who may not take the run's lock.
bool is_shown_as_running(const std::filesystem::path& run);

/// For people: "40 of 60 evaluations", or "60 evaluations, 40 were asked for" where an
/// earlier command asked for more.
std::string evaluations_text(std::size_t done, std::size_t target);

}  // namespace hierevo::search
