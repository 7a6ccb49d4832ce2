// Assembly of a genotype into one cell: which edges live is found bottom-up for every motif, then
// the top motif is inlined along its live edges only.
#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {

namespace {

/// live[edge] says whether an edge of the motif lies on a path from source to sink.
struct MotifLife {
  bool reached = false;  ///< the source reaches the sink
  std::vector<bool> live;
};

constexpr std::uint32_t bit(int node) {
  return std::uint32_t{1} << static_cast<unsigned>(node);
}

class Assembler {
 public:
  Assembler(const Genotype& genotype, NodePaths paths)
      : genotype_(genotype), space_(genotype.space()), paths_(paths) {
    for (int level = 2; level <= space_.top_level(); ++level) {
      auto& motifs = life_.emplace_back();
      for (int motif = 0; motif < space_.level(level).motifs; ++motif) {
        motifs.push_back(life_of(level, motif));
      }
    }
  }

  CellGraph assemble() {
    if (!life(space_.top_level(), 0).reached) return {};
    constexpr std::size_t usual_nodes = 64;
    graph_.nodes.reserve(usual_nodes);
    add(CellNodeKind::input, {}, "input");
    graph_.output = inline_motif(space_.top_level(), 0, 0, "");
    return std::move(graph_);
  }

 private:
  const MotifLife& life(int level, int motif) const {
    return life_[static_cast<std::size_t>(level - 2)][static_cast<std::size_t>(motif)];
  }

  /// A motif whose sink is not reached acts as `none` where it is used (PAPER, our reading).
  bool present(int level, Gene gene) const {
    return gene != no_edge && (level == 2 || life(level - 1, gene - 1).reached);
  }

  MotifLife life_of(int level, int motif) const {
    const auto edges = genotype_.motif(level, motif);
    const int nodes = space_.level(level).nodes;
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
    MotifLife result{(from_source & bit(nodes - 1)) != 0, std::vector<bool>(edges.size(), false)};
    for (int i = 1; i < nodes; ++i) {
      for (int j = 0; j < i; ++j) {
        result.live[edge_index(i, j)] =
            edge_present(i, j) && (from_source & bit(j)) != 0 && (to_sink & bit(i)) != 0;
      }
    }
    return result;
  }

  template <typename... Parts>
  std::string path_text(fmt::format_string<const Parts&...> format, const Parts&... parts) const {
    return paths_ == NodePaths::omitted ? std::string() : fmt::format(format, parts...);
  }

  int add(CellNodeKind kind, std::vector<int> operands, std::string path) {
    const bool has_weights = kind == CellNodeKind::conv1x1 || kind == CellNodeKind::depthwise3x3 ||
                             kind == CellNodeKind::separable3x3;
    const auto index = static_cast<int>(graph_.nodes.size());
    if (!has_weights) {
      const auto [same, is_new] = weightless_.try_emplace({kind, operands}, index);
      if (!is_new) return same->second;
    }
    graph_.nodes.push_back({kind, std::move(operands), std::move(path)});
    return index;
  }

  /// Adds the motif's function of node `input`; returns the node that holds its result.
  int inline_motif(int level, int motif, int input, const std::string& path) {
    const auto edges = genotype_.motif(level, motif);
    const auto& live = life(level, motif).live;
    const int nodes = space_.level(level).nodes;
    std::vector<int> value(static_cast<std::size_t>(nodes), -1);
    value.front() = input;
    for (int i = 1; i < nodes; ++i) {
      std::vector<int> parts;
      for (int j = 0; j < i; ++j) {
        const std::size_t edge = edge_index(i, j);
        if (!live[edge]) continue;
        parts.push_back(inline_operation(level, edges[edge], value[static_cast<std::size_t>(j)],
                                         path_text("{}{}-{}", path, j + 1, i + 1)));
      }
      if (parts.size() == 1) value[static_cast<std::size_t>(i)] = parts.front();
      if (parts.size() > 1) {
        value[static_cast<std::size_t>(i)] =
            add(CellNodeKind::concat, std::move(parts), path_text("{}concat-{}", path, i + 1));
      }
    }
    const bool projected = level == 2 && space_.top_level() > 2;
    if (!projected) return value.back();
    return add(CellNodeKind::conv1x1, {value.back()}, path_text("{}out", path));
  }

  int inline_operation(int level, Gene gene, int input, const std::string& path) {
    if (level > 2) return inline_motif(level - 1, gene - 1, input, path_text("{}.", path));
    switch (static_cast<Primitive>(gene - 1)) {
      case Primitive::conv1x1:
        return add(CellNodeKind::conv1x1, {input}, path);
      case Primitive::depthwise3x3:
        return add(CellNodeKind::depthwise3x3, {input}, path);
      case Primitive::separable3x3:
        return add(CellNodeKind::separable3x3, {input}, path);
      case Primitive::maxpool3x3:
        return add(CellNodeKind::maxpool3x3, {input}, path);
      case Primitive::avgpool3x3:
        return add(CellNodeKind::avgpool3x3, {input}, path);
      case Primitive::identity:
        break;
    }
    return input;
  }

  const Genotype& genotype_;
  const SearchSpace& space_;
  NodePaths paths_;
  std::vector<std::vector<MotifLife>> life_;
  CellGraph graph_;
  std::map<std::pair<CellNodeKind, std::vector<int>>, int> weightless_;
};

}  // namespace

CellGraph assemble(const Genotype& genotype, NodePaths paths) {
  return Assembler(genotype, paths).assemble();
}

}  // namespace hierevo::genome
