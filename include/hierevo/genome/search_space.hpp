#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::genome {

/// The graphs of one level: `motifs` directed acyclic graphs of `nodes` nodes each.
struct LevelShape {
  int motifs;
  int nodes;
  bool operator==(const LevelShape&) const = default;

  /// Node pairs (predecessor, successor) of one motif.
  int edges() const { return nodes * (nodes - 1) / 2; }
};

/// The shape of all genotypes of a search: the levels 2..L of the hierarchical representation
/// (section 2). Level 1 is the six primitives; the top level has one motif, the cell.
class SearchSpace {
 public:
  /// `levels[0]` is level 2. Throws UsageError when a cell could not be made of it, could have more
  /// than `largest_cell` operations, or when genotypes had more than `most_genes` genes.
  explicit SearchSpace(std::vector<LevelShape> levels);

  /// L=3: six motifs of 4 nodes, one cell of 5 nodes (46 edges).
  static SearchSpace hierarchical() { return SearchSpace({{6, 4}, {1, 5}}); }
  /// L=2: one graph of 11 nodes over the primitives (55 edges).
  static SearchSpace flat() { return SearchSpace({{1, 11}}); }
  /// "hierarchical", "flat", or MOTIFSxNODES for each level from 2 up, such as "6x4,1x5".
  /// Throws UsageError.
  static SearchSpace parse(std::string_view text);

  /// The text that parse() turns back into this space.
  std::string name() const;

  /// The number L of the level whose only motif is the cell.
  int top_level() const { return static_cast<int>(levels_.size()) + 1; }
  /// Throws InternalError unless 2 <= level <= top_level().
  const LevelShape& level(int level) const;
  /// Operations that an edge of `level` can carry, without `none`: 6 at level 2, else the number of
  /// motifs of the level below.
  int operations_below(int level) const;
  /// Genes of a genotype: edges of all motifs of all levels.
  std::size_t genes() const { return genes_; }
  /// Index of the first gene of motif `motif` (from 0) of `level`.
  std::size_t first_gene(int level, int motif) const;

  bool operator==(const SearchSpace& other) const { return levels_ == other.levels_; }

  static constexpr int most_levels = 8;
  static constexpr int most_motifs = 64;
  static constexpr int most_nodes = 32;
  static constexpr long largest_cell = 20'000;
  static constexpr std::size_t most_genes = 40'000;

 private:
  std::vector<LevelShape> levels_;
  std::size_t genes_ = 0;
};

/// Index of the edge predecessor→successor (nodes from 0) within a motif: 1→2, 1→3, 2→3, 1→4, …
constexpr std::size_t edge_index(int successor, int predecessor) {
  return static_cast<std::size_t>(successor * (successor - 1) / 2 + predecessor);
}

}  // namespace hierevo::genome
