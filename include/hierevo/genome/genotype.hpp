#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hierevo/genome/search_space.hpp"

namespace hierevo::genome {

/// What an edge carries: 0 is `none` (no edge), k >= 1 is operation k of the level below.
using Gene = std::uint8_t;
/// The gene `none`.
inline constexpr Gene no_edge = 0;

/// All graphs of the levels 2..L (section 2.3), a value. Genes lie level by level from 2 up, motif
/// by motif, edge by edge in the order of edge_index().
class Genotype {
 public:
  /// Every edge is `none`.
  explicit Genotype(SearchSpace space);
  /// Throws UsageError when the number of genes or a gene's value does not fit the space.
  Genotype(SearchSpace space, std::vector<Gene> genes);

  /// The space that it belongs to.
  const SearchSpace& space() const { return space_; }
  /// All genes in their order.
  std::span<const Gene> genes() const { return genes_; }
  /// The edges of one motif; `motif` counts from 0.
  std::span<const Gene> motif(int level, int motif) const;
  /// Throws InternalError when a position or the gene is outside the space. Nodes count from 0.
  void set_edge(int level, int motif, int successor, int predecessor, Gene gene);

  bool operator==(const Genotype&) const = default;

 private:
  SearchSpace space_;
  std::vector<Gene> genes_;
};

}  // namespace hierevo::genome
