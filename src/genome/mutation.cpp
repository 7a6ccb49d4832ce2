#include "hierevo/genome/mutation.hpp"

#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {

Mutation draw_mutation(const SearchSpace& space, core::RandomStream& random) {
  const auto below = [&random](int bound) {
    return static_cast<int>(random.below(static_cast<std::uint64_t>(bound)));
  };
  Mutation mutation{};
  mutation.level = 2 + below(space.top_level() - 1);
  const LevelShape& shape = space.level(mutation.level);
  mutation.motif = below(shape.motifs);
  mutation.successor = 1 + below(shape.nodes - 1);
  mutation.predecessor = below(mutation.successor);
  mutation.operation = static_cast<Gene>(below(space.operations_below(mutation.level) + 1));
  return mutation;
}

void apply(const Mutation& mutation, Genotype& genotype) {
  genotype.set_edge(mutation.level, mutation.motif, mutation.successor, mutation.predecessor,
                    mutation.operation);
}

Genotype trivial_genotype(const SearchSpace& space) {
  Genotype genotype(space);
  for (int level = 2; level <= space.top_level(); ++level) {
    const Gene identity = level == 2 ? static_cast<Gene>(Primitive::identity) + 1 : 1;
    for (int motif = 0; motif < space.level(level).motifs; ++motif) {
      for (int node = 1; node < space.level(level).nodes; ++node) {
        genotype.set_edge(level, motif, node, node - 1, identity);
      }
    }
  }
  return genotype;
}

Genotype random_genotype(const SearchSpace& space, core::RandomStream& random, int mutations) {
  Genotype genotype = trivial_genotype(space);
  for (int i = 0; i < mutations; ++i) apply(draw_mutation(space, random), genotype);
  return genotype;
}

}  // namespace hierevo::genome
