#include "chosen_genotype.hpp"

#include <fmt/format.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/search/run_directory.hpp"
#include "saved_run.hpp"

namespace hierevo::app {

void GenotypeChoice::add_to(OptionSet& options) {
  options.group("Genotype");
  options.add("genotype", &genotype, "a genotype file (JSON)", {.recorded = false});
  options.add("run", &run, "a run directory: its best individual", {.recorded = false});
  options.add("id", &id, "with --run: this individual instead of the best", {.recorded = false});
}

void GenotypeChoice::inherit(OptionSet& options, std::vector<std::string> names) {
  options.inherit("run", std::move(names), [](const std::string& directory) {
    require_folder(directory);
    return search::RunDirectory::configuration_of(directory).value_or("");
  });
}

evolution::Individual GenotypeChoice::read() const {
  if (genotype.empty() == run.empty()) {
    throw core::UsageError(genotype.empty() ? "No genotype is given" : "Two genotypes are given",
                           "", "Give --genotype FILE.json or --run DIR.");
  }
  if (!genotype.empty())
    return {{{}, std::nullopt, 0, genome::read_genotype(genotype, core::Readable::anything)}, {}};
  const io::Snapshot snapshot = read_run(run);
  const evolution::Engine engine(snapshot.options, snapshot.state);
  if (id == 0) {
    if (engine.best() != nullptr) return *engine.best();
    const std::size_t done = engine.history().size();
    throw core::UsageError(fmt::format("The run in '{}' has no best individual", run),
                           done == 0 ? "nothing was evaluated yet"
                                     : fmt::format("none of {} gave a fitness",
                                                   core::counted_text(done, "evaluation")),
                           done == 0 ? "Let it search on." : "hierevo status says why.");
  }
  for (const auto& individual : engine.history()) {
    if (number(individual.candidate.id) == id) return individual;
  }
  throw core::UsageError(fmt::format("The run in '{}' has no evaluated individual {}", run, id),
                         fmt::format("it has {} evaluations", engine.history().size()));
}

std::optional<std::uint64_t> GenotypeChoice::id_of(const genome::Genotype& other) const {
  if (run.empty()) return std::nullopt;
  for (const auto& individual : read_run(run).state.history) {
    if (individual.candidate.genotype == other) return number(individual.candidate.id);
  }
  return std::nullopt;
}

}  // namespace hierevo::app
