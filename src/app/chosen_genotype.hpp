// --genotype FILE.json, or --run DIR with or without --id N: how commands name a genotype.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/evolution/individual.hpp"
#include "option_set.hpp"

namespace hierevo::app {

struct GenotypeChoice {
  std::string genotype;
  std::string run;
  std::uint64_t id = 0;  ///< 0: the best

  void add_to(OptionSet& options);
  /// With --run, the options `names` are by default those of the run.
  static void inherit(OptionSet& options, std::vector<std::string> names);
  /// Reads it; of a run also what is known of the individual. Throws UsageError.
  evolution::Individual read() const;
  /// The individual of --run with this genotype; nothing without --run, and when there is none.
  std::optional<std::uint64_t> id_of(const genome::Genotype& other) const;
};

}  // namespace hierevo::app
