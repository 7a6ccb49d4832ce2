// The Pareto front of a run, as commands show it.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hierevo/evolution/objectives.hpp"

namespace hierevo::app {

/// "id", the number of an individual, and "values", its value of each objective by name.
nlohmann::json front_member(const evolution::Individual& individual,
                            const evolution::Objectives& objectives);

/// A table with the same columns, a line each; the first line has their names.
std::vector<std::string> front_table(const std::vector<const evolution::Individual*>& front,
                                     const evolution::Objectives& objectives);

/// The front of the run in this folder with its genotypes: a front_member() each, with the
/// genotype's own members. Throws as read_run(), and UsageError where nothing was evaluated.
std::vector<nlohmann::json> genotypes_of_front(const std::string& run);

}  // namespace hierevo::app
