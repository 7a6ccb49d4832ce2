#pragma once

#include <string>

#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/genotype.hpp"

namespace hierevo::genome {

/// The cell as a graph in Graphviz's DOT language.
std::string to_dot(const CellGraph& cell);

/// A motif as the paper draws it (Figures 1 and 5–11): its nodes by their numbers, each edge with
/// its operation; dead edges are dashed. `motif` counts from 0.
std::string to_dot(const Genotype& genotype, int level, int motif);

/// What an edge of `level` carries, as people write it: "separable 3×3", "motif 2"; "none".
std::string operation_text(int level, Gene gene);

}  // namespace hierevo::genome
