#include "hierevo/genome/genotype.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {

std::optional<Primitive> primitive_named(std::string_view name) {
  const auto found = std::find(primitive_names.begin(), primitive_names.end(), name);
  if (found == primitive_names.end()) return std::nullopt;
  return static_cast<Primitive>(found - primitive_names.begin());
}

Genotype::Genotype(SearchSpace space) : space_(std::move(space)), genes_(space_.genes(), no_edge) {}

Genotype::Genotype(SearchSpace space, std::vector<Gene> genes)
    : space_(std::move(space)), genes_(std::move(genes)) {
  if (genes_.size() != space_.genes()) {
    throw core::UsageError(fmt::format("A genotype of {} genes does not fit the space {}",
                                       genes_.size(), space_.name()),
                           fmt::format("it has {} edges", space_.genes()));
  }
  std::size_t index = 0;
  for (int level = 2; level <= space_.top_level(); ++level) {
    const LevelShape& shape = space_.level(level);
    const std::size_t end = index + static_cast<std::size_t>(shape.motifs * shape.edges());
    for (; index < end; ++index) {
      if (genes_[index] > space_.operations_below(level)) {
        throw core::UsageError(
            fmt::format("Gene {} of the genotype is {}", index + 1, genes_[index]),
            fmt::format("an edge of level {} carries 0 to {} in the space {}", level,
                        space_.operations_below(level), space_.name()));
      }
    }
  }
}

std::span<const Gene> Genotype::motif(int level, int motif) const {
  const auto edges = static_cast<std::size_t>(space_.level(level).edges());
  return std::span(genes_).subspan(space_.first_gene(level, motif), edges);
}

void Genotype::set_edge(int level, int motif, int successor, int predecessor, Gene gene) {
  const bool inside = predecessor >= 0 && predecessor < successor &&
                      successor < space_.level(level).nodes &&
                      gene <= space_.operations_below(level);
  if (!inside) {
    throw core::InternalError(fmt::format("Edge {}-{} = {} is outside level {} of space {}",
                                          predecessor, successor, gene, level, space_.name()));
  }
  genes_[space_.first_gene(level, motif) + edge_index(successor, predecessor)] = gene;
}

}  // namespace hierevo::genome
