#include "hierevo/genome/search_space.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/numbers.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {

namespace {

constexpr std::string_view parse_help =
    "Use 'hierarchical', 'flat', or MOTIFSxNODES for each level from 2 up, such as '6x4,1x5'.";

/// Operations of the largest cell of this shape once all motifs are inlined, projections included.
long largest_cell(const std::vector<LevelShape>& levels) {
  long operations = 1;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    operations *= levels[i].edges();
    const bool projected = i == 0 && levels.size() > 1;
    if (projected) operations += 1;
    if (operations > SearchSpace::largest_cell) break;
  }
  return operations;
}

void check(const std::vector<LevelShape>& levels) {
  using core::UsageError;
  if (levels.empty() || levels.size() > SearchSpace::most_levels) {
    throw UsageError(fmt::format("A search space of {} levels above the primitives", levels.size()),
                     fmt::format("1 to {} are possible", SearchSpace::most_levels), parse_help);
  }
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto [motifs, nodes] = levels[i];
    if (motifs < 1 || motifs > SearchSpace::most_motifs || nodes < 2 ||
        nodes > SearchSpace::most_nodes) {
      throw UsageError(fmt::format("Level {} of the search space has {} motifs of {} nodes", i + 2,
                                   motifs, nodes),
                       fmt::format("1 to {} motifs of 2 to {} nodes are possible",
                                   SearchSpace::most_motifs, SearchSpace::most_nodes),
                       parse_help);
    }
  }
  if (levels.back().motifs != 1) {
    throw UsageError(
        fmt::format("The top level of the search space has {} motifs", levels.back().motifs),
        "it has to be one, the cell", parse_help);
  }
  if (largest_cell(levels) > SearchSpace::largest_cell) {
    throw UsageError(
        "The search space is too large",
        fmt::format("a cell could have more than {} operations", SearchSpace::largest_cell),
        "Use fewer levels or nodes.");
  }
}

}  // namespace

SearchSpace::SearchSpace(std::vector<LevelShape> levels) : levels_(std::move(levels)) {
  check(levels_);
  for (const LevelShape& level : levels_) {
    genes_ += static_cast<std::size_t>(level.motifs) * static_cast<std::size_t>(level.edges());
  }
  if (genes_ > most_genes) {
    throw core::UsageError(
        "The search space is too large",
        fmt::format("a genotype would have {} edges, more than {}", genes_, most_genes),
        "Use fewer motifs or nodes.");
  }
}

SearchSpace SearchSpace::parse(std::string_view text) {
  if (text == "hierarchical") return hierarchical();
  if (text == "flat") return flat();
  std::vector<LevelShape> levels;
  std::string_view rest = text;
  while (true) {
    const std::string_view item = rest.substr(0, rest.find(','));
    const std::size_t cross = item.find('x');
    const auto motifs = core::parse_number<int>(item.substr(0, cross));
    const auto nodes = cross == std::string_view::npos
                           ? std::nullopt
                           : core::parse_number<int>(item.substr(cross + 1));
    if (!motifs || !nodes) {
      throw core::UsageError(fmt::format("'{}' is not a search space", text), "", parse_help);
    }
    levels.push_back({*motifs, *nodes});
    if (item.size() == rest.size()) return SearchSpace(std::move(levels));
    rest.remove_prefix(item.size() + 1);
  }
}

std::string SearchSpace::name() const {
  if (*this == hierarchical()) return "hierarchical";
  if (*this == flat()) return "flat";
  std::string text;
  for (const LevelShape& level : levels_) {
    text += fmt::format("{}{}x{}", text.empty() ? "" : ",", level.motifs, level.nodes);
  }
  return text;
}

const LevelShape& SearchSpace::level(int level) const {
  if (level < 2 || level > top_level()) {
    throw core::InternalError(fmt::format("No level {} in space {}", level, name()));
  }
  return levels_[static_cast<std::size_t>(level - 2)];
}

int SearchSpace::operations_below(int level) const {
  if (level == 2) return static_cast<int>(primitive_names.size());
  return this->level(level - 1).motifs;
}

std::size_t SearchSpace::first_gene(int level, int motif) const {
  const LevelShape& own = this->level(level);
  if (motif < 0 || motif >= own.motifs) {
    throw core::InternalError(fmt::format("No motif {} on level {}", motif, level));
  }
  std::size_t first = 0;
  for (int below = 2; below < level; ++below) {
    const LevelShape& shape = this->level(below);
    first += static_cast<std::size_t>(shape.motifs * shape.edges());
  }
  return first + static_cast<std::size_t>(motif * own.edges());
}

}  // namespace hierevo::genome
