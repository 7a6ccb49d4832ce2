// Assembly of a genotype into one cell: the top motif is inlined along its live edges only.
#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/live_edges.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {

namespace {

class Assembler {
 public:
  Assembler(const Genotype& genotype, NodePaths paths)
      : genotype_(genotype), space_(genotype.space()), paths_(paths), live_(genotype) {}

  CellGraph assemble() {
    if (!live_.reached(space_.top_level(), 0)) return {};
    constexpr std::size_t usual_nodes = 64;
    graph_.nodes.reserve(usual_nodes);
    add(CellNodeKind::input, {}, "input");
    graph_.output = inline_motif(space_.top_level(), 0, 0, "");
    return std::move(graph_);
  }

 private:
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
    const std::vector<bool>& live = live_.of(level, motif);
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
  LiveEdges live_;
  CellGraph graph_;
  std::map<std::pair<CellNodeKind, std::vector<int>>, int> weightless_;
};

}  // namespace

std::string_view name(CellNodeKind kind) {
  static constexpr std::array<std::string_view, 7> names = {
      "input", "conv1x1", "depthwise3x3", "separable3x3", "maxpool3x3", "avgpool3x3", "concat"};
  return names.at(static_cast<std::size_t>(kind));
}

CellGraph assemble(const Genotype& genotype, NodePaths paths) {
  return Assembler(genotype, paths).assemble();
}

}  // namespace hierevo::genome
