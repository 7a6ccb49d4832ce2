#include "load_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::search {

void require_same_run(const evolution::EngineOptions& saved, const evolution::EngineOptions& wanted,
                      const std::filesystem::path& run) {
  const auto require = [&](bool same, std::string_view field, const auto& then, const auto& now) {
    if (same) return;
    throw core::FieldError(
        field, fmt::format("is {} but the run in '{}' began with {}", now, run.string(), then),
        "its results could not be compared",
        "Use the same options again, or another run directory.");
  };
  require(saved.space == wanted.space, "space", saved.space.name(), wanted.space.name());
  require(saved.algorithm == wanted.algorithm, "algorithm", name(saved.algorithm),
          name(wanted.algorithm));
  require(saved.population == wanted.population, "population", saved.population, wanted.population);
  require(saved.tournament == wanted.tournament, "tournament", saved.tournament, wanted.tournament);
  require(saved.seed == wanted.seed, "seed", saved.seed, wanted.seed);
  require(saved.start_mutations == wanted.start_mutations, "start_mutations", saved.start_mutations,
          wanted.start_mutations);
  require(saved.objectives == wanted.objectives, "objectives",
          fmt::format("'{}'", text_of(saved.objectives)),
          fmt::format("'{}'", text_of(wanted.objectives)));
}

evolution::Engine load_engine(const SearchOptions& options, SearchRecord& record) {
  auto snapshot = record.load();
  if (!snapshot) return evolution::Engine(options.engine);
  require_same_run(snapshot->options, options.engine, options.run);
  record.progress() = snapshot->progress;
  // The journal goes further than the snapshot whose progress this is.
  double& elapsed = record.progress().elapsed_seconds;
  for (const auto& individual : snapshot->state.history) {
    elapsed = std::max(elapsed, individual.evaluation.finished_at.value_or(0.0));
  }
  return evolution::Engine(options.engine, std::move(snapshot->state));
}

}  // namespace hierevo::search
