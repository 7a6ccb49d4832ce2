#include "ancestry.hpp"

#include <algorithm>
#include <unordered_map>

#include "hierevo/genome/dot.hpp"

namespace hierevo::report {

using evolution::Individual;
using evolution::IndividualId;

std::vector<ChangedEdge> differences(const genome::Genotype& before,
                                     const genome::Genotype& after) {
  std::vector<ChangedEdge> changes;
  const genome::SearchSpace& space = after.space();
  for (int level = 2; level <= space.top_level(); ++level) {
    for (int motif = 0; motif < space.level(level).motifs; ++motif) {
      const auto old_genes = before.motif(level, motif);
      const auto new_genes = after.motif(level, motif);
      for (int to = 1; to < space.level(level).nodes; ++to) {
        for (int from = 0; from < to; ++from) {
          const std::size_t edge = genome::edge_index(to, from);
          if (old_genes[edge] == new_genes[edge]) continue;
          changes.push_back({level, motif + 1, from + 1, to + 1,
                             genome::operation_text(level, old_genes[edge]),
                             genome::operation_text(level, new_genes[edge])});
        }
      }
    }
  }
  return changes;
}

std::vector<Ancestor> ancestry(const std::vector<Individual>& history, std::size_t position) {
  std::unordered_map<IndividualId, std::size_t> positions;
  for (std::size_t i = 0; i < history.size(); ++i) positions[history[i].candidate.id] = i;
  std::vector<Ancestor> line = {{&history.at(position), position + 1, {}}};
  while (const auto parent = line.back().individual->candidate.parent) {
    const std::size_t at = positions.at(*parent);
    line.back().changes =
        differences(history[at].candidate.genotype, line.back().individual->candidate.genotype);
    line.push_back({&history[at], at + 1, {}});
  }
  std::ranges::reverse(line);
  return line;
}

}  // namespace hierevo::report
