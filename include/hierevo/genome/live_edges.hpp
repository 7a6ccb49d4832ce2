#pragma once

#include <vector>

#include "hierevo/genome/genotype.hpp"

namespace hierevo::genome {

/// Which edges of a genotype's motifs matter: those on a path from source to sink. A motif whose
/// sink is not reached acts as `none` where it is used. The genotype must outlive this.
class LiveEdges {
 public:
  /// Finds the live edges of `genotype`, which must outlive this.
  explicit LiveEdges(const Genotype& genotype);

  /// Whether the motif's source reaches its sink. `motif` counts from 0.
  bool reached(int level, int motif) const { return life(level, motif).reached; }
  /// For each edge of the motif, in the order of edge_index(), whether it is live.
  const std::vector<bool>& of(int level, int motif) const { return life(level, motif).edges; }
  /// For each motif of `level`, whether the cell contains it.
  std::vector<bool> used(int level) const;

 private:
  struct Life {
    bool reached = false;
    std::vector<bool> edges;
  };

  const Life& life(int level, int motif) const {
    return life_[static_cast<std::size_t>(level - 2)][static_cast<std::size_t>(motif)];
  }
  bool present(int level, Gene gene) const {
    return gene != no_edge && (level == 2 || life(level - 1, gene - 1).reached);
  }
  Life life_of(int level, int motif) const;

  const Genotype& genotype_;
  std::vector<std::vector<Life>> life_;  ///< of the levels from 2 up
};

}  // namespace hierevo::genome
