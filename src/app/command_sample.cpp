#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/mutation.hpp"
#include "option_set.hpp"

namespace hierevo::app {

int command_sample(const Arguments& arguments) {
  std::string space_name = "hierarchical";
  std::uint64_t seed = 1;
  long count = 1;
  int mutations = 1000;
  OptionSet options("usage: hierevo sample [options]",
                    "Prints random genotypes, one JSON object per line.");
  options.group("Sampling");
  options.add("space", &space_name,
              "hierarchical, flat, or MOTIFSxNODES of each level from 2 up, such as 6x4,1x5");
  options.add("seed", &seed, "the same seed gives the same genotypes");
  options.add("count", &count, "how many", {.range = core::at_least(1)});
  options.add("mutations", &mutations, "random mutations of the trivial genotype",
              {.range = core::at_least(0)});
  options.epilogue("Example:\n  hierevo sample --space flat --count 3 --seed 7\n");
  if (!options.parse(arguments)) return 0;

  const auto space = genome::SearchSpace::parse(space_name);
  for (long i = 0; i < count && std::cout.good(); ++i) {
    core::RandomStream random(seed, static_cast<std::uint64_t>(i) + 1, "sample");
    std::cout << json_text(random_genotype(space, random, mutations)) << '\n';
  }
  return 0;
}

}  // namespace hierevo::app
