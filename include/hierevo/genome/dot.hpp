#pragma once

#include <string>

#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::genome {

/// The cell as a graph in Graphviz's DOT language.
std::string to_dot(const CellGraph& cell);

}  // namespace hierevo::genome
