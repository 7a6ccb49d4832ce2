// Where an individual comes from.
#pragma once

#include <string>
#include <vector>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::report {

/// An edge in which a genotype differs from its parent's. Motif and nodes count from 1.
struct ChangedEdge {
  int level = 2;
  int motif = 1;
  int from = 1;
  int to = 2;
  std::string before;  ///< what it carried
  std::string after;
};

struct Ancestor {
  const evolution::Individual* individual;
  std::size_t step;                  ///< of the evolution, from 1
  std::vector<ChangedEdge> changes;  ///< to its parent; none where the mutation drew the same again
};

/// The individual at `position` of the history and its ancestors, the random one first.
std::vector<Ancestor> ancestry(const std::vector<evolution::Individual>& history,
                               std::size_t position);

/// The edges in which two genotypes of one space differ.
std::vector<ChangedEdge> differences(const genome::Genotype& before, const genome::Genotype& after);

}  // namespace hierevo::report
