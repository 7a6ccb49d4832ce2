#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

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

/// Keeps them in RUN/progress.json for whoever looks at a running search. Nothing depends on that
/// file: what keeps it from being written is not told, and it need not outlast a power cut.
void write_under_way(const std::filesystem::path& run, std::span<const UnderWay> candidates);
/// When the search ends.
void remove_under_way(const std::filesystem::path& run);
/// None when there is no such file, or no proper one. Of a search that was killed it is the last.
std::vector<UnderWay> read_under_way(const std::filesystem::path& run);

}  // namespace hierevo::search
