#include "hierevo/genome/dot.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

#include "hierevo/genome/live_edges.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {

namespace {

constexpr std::array<std::string_view, 7> labels = {
    "input",        "conv 1×1",     "depthwise 3×3", "separable 3×3",
    "max-pool 3×3", "avg-pool 3×3", "concat"};

/// Of the primitives, by their numbers.
constexpr std::array<std::string_view, 6> operations = {
    "conv 1×1", "depthwise 3×3", "separable 3×3", "max-pool 3×3", "avg-pool 3×3", "identity"};

}  // namespace

std::string operation_text(int level, Gene gene) {
  if (gene == no_edge) return "none";
  return level == 2 ? std::string(operations.at(gene - std::size_t{1}))
                    : fmt::format("motif {}", gene);
}

std::string to_dot(const Genotype& genotype, int level, int motif) {
  const LiveEdges alive(genotype);
  const std::vector<bool>& live = alive.of(level, motif);
  const auto genes = genotype.motif(level, motif);
  const int nodes = genotype.space().level(level).nodes;
  std::string text = "digraph motif {\n  node [shape=circle];\n";
  for (int i = 0; i < nodes; ++i) text += fmt::format("  n{0} [label=\"{0}\"];\n", i + 1);
  for (int i = 1; i < nodes; ++i) {
    for (int j = 0; j < i; ++j) {
      const std::size_t edge = edge_index(i, j);
      if (genes[edge] == no_edge) continue;
      const std::string_view kind =
          level == 2 ? primitive_names.at(genes[edge] - std::size_t{1}) : std::string_view("motif");
      text += fmt::format("  n{} -> n{} [label=\" {} \", class=\"{}{}\"{}];\n", j + 1, i + 1,
                          operation_text(level, genes[edge]), kind, live[edge] ? "" : " dead",
                          live[edge] ? "" : ", style=dashed");
    }
  }
  return text + "}\n";
}

std::string to_dot(const CellGraph& cell) {
  std::string text = "digraph cell {\n  node [shape=box, style=rounded];\n";
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    const CellNode& node = cell.nodes[i];
    const bool concat = node.kind == CellNodeKind::concat;
    const auto kind = static_cast<std::size_t>(node.kind);
    text += fmt::format("  n{} [label=\"{}\", class={}{}];\n", i, labels[kind],
                        name(cell.nodes[i].kind), concat ? ", shape=ellipse" : "");
    for (const int operand : node.operands) text += fmt::format("  n{} -> n{};\n", operand, i);
  }
  if (cell.valid())
    text += fmt::format("  output [shape=plaintext];\n  n{} -> output;\n", cell.output);
  return text + "}\n";
}

}  // namespace hierevo::genome
