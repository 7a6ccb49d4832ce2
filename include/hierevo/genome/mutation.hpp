#pragma once

#include "hierevo/core/random.hpp"
#include "hierevo/genome/genotype.hpp"

namespace hierevo::genome {

/// One change of one edge (section 3.1). Motif and nodes count from 0.
struct Mutation {
  int level;
  int motif;
  int successor;
  int predecessor;
  Gene operation;
};

/// Draws level, motif, successor (any node but the first), predecessor (any node before it) and
/// operation (any of the level below, or none), each uniformly, one after another. The operation
/// may equal the present one.
Mutation draw_mutation(const SearchSpace& space, core::RandomStream& random);

/// Makes the change. Throws InternalError when it does not fit the genotype.
void apply(const Mutation& mutation, Genotype& genotype);

/// The genotype that only passes its input on: every motif is a chain of identities; above level 2
/// the identity is motif 1 of the level below (section 3.2, our reading).
Genotype trivial_genotype(const SearchSpace& space);

/// `mutations` random mutations of the trivial genotype (1000 in the paper).
Genotype random_genotype(const SearchSpace& space, core::RandomStream& random,
                         int mutations = 1000);

}  // namespace hierevo::genome
