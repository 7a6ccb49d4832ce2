#include "hierevo/genome/live_edges.hpp"

#include <cstddef>
#include <cstdint>

namespace hierevo::genome {

namespace {

constexpr std::uint32_t bit(int node) {
  return std::uint32_t{1} << static_cast<unsigned>(node);
}

}  // namespace

LiveEdges::LiveEdges(const Genotype& genotype) : genotype_(genotype) {
  const SearchSpace& space = genotype.space();
  for (int level = 2; level <= space.top_level(); ++level) {
    auto& motifs = life_.emplace_back();
    for (int motif = 0; motif < space.level(level).motifs; ++motif) {
      motifs.push_back(life_of(level, motif));
    }
  }
}

LiveEdges::Life LiveEdges::life_of(int level, int motif) const {
  const auto edges = genotype_.motif(level, motif);
  const int nodes = genotype_.space().level(level).nodes;
  // A bit for each node.
  static_assert(SearchSpace::most_nodes <= 32);
  std::uint32_t from_source = 1;
  std::uint32_t to_sink = bit(nodes - 1);
  const auto edge_present = [&](int i, int j) { return present(level, edges[edge_index(i, j)]); };
  for (int i = 1; i < nodes; ++i) {
    for (int j = 0; j < i; ++j) {
      if ((from_source & bit(j)) != 0 && edge_present(i, j)) from_source |= bit(i);
    }
  }
  for (int i = nodes - 1; i > 0; --i) {
    for (int j = 0; j < i; ++j) {
      if ((to_sink & bit(i)) != 0 && edge_present(i, j)) to_sink |= bit(j);
    }
  }
  Life result{(from_source & bit(nodes - 1)) != 0, std::vector<bool>(edges.size(), false)};
  for (int i = 1; i < nodes; ++i) {
    for (int j = 0; j < i; ++j) {
      result.edges[edge_index(i, j)] =
          edge_present(i, j) && (from_source & bit(j)) != 0 && (to_sink & bit(i)) != 0;
    }
  }
  return result;
}

std::vector<bool> LiveEdges::used(int level) const {
  const SearchSpace& space = genotype_.space();
  std::vector<bool> used(static_cast<std::size_t>(space.level(level).motifs), false);
  if (level == space.top_level()) {
    used.front() = reached(level, 0);
    return used;
  }
  const std::vector<bool> users = this->used(level + 1);
  for (int motif = 0; motif < space.level(level + 1).motifs; ++motif) {
    if (!users[static_cast<std::size_t>(motif)]) continue;
    const auto genes = genotype_.motif(level + 1, motif);
    const std::vector<bool>& live = of(level + 1, motif);
    for (std::size_t edge = 0; edge < genes.size(); ++edge) {
      if (live[edge]) used[genes[edge] - std::size_t{1}] = true;
    }
  }
  return used;
}

}  // namespace hierevo::genome
