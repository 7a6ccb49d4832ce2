#include "hierevo/genome/dot.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace hierevo::genome {

namespace {

constexpr std::array<std::string_view, 7> labels = {
    "input",        "conv 1×1",     "depthwise 3×3", "separable 3×3",
    "max-pool 3×3", "avg-pool 3×3", "concat"};

}  // namespace

std::string to_dot(const CellGraph& cell) {
  std::string text = "digraph cell {\n  node [shape=box, style=rounded];\n";
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    const CellNode& node = cell.nodes[i];
    const bool concat = node.kind == CellNodeKind::concat;
    text += fmt::format("  n{} [label=\"{}\"{}];\n", i, labels[static_cast<std::size_t>(node.kind)],
                        concat ? ", shape=ellipse" : "");
    for (const int operand : node.operands) text += fmt::format("  n{} -> n{};\n", operand, i);
  }
  if (cell.valid())
    text += fmt::format("  output [shape=plaintext];\n  n{} -> output;\n", cell.output);
  return text + "}\n";
}

}  // namespace hierevo::genome
