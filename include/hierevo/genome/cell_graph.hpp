#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/genome/genotype.hpp"

namespace hierevo::genome {

/// What a node of an assembled cell does: primitives, its input, and concatenation.
enum class CellNodeKind : std::uint8_t {
  input,
  conv1x1,
  depthwise3x3,
  separable3x3,
  maxpool3x3,
  avgpool3x3,
  concat,
};

/// The kind in a word: "conv1x1" and so on, as primitives are called in files, "input" or "concat".
std::string_view name(CellNodeKind kind);

/// One node of an assembled cell. `operands` are indices of earlier nodes: none for the input, two
/// or more for a concatenation (of channels, in this order), one for everything else.
struct CellNode {
  CellNodeKind kind;
  std::vector<int> operands;
  /// Where the node stands in the genotype, nodes counted from 1 as in the paper: "1-3.2-4" is edge
  /// 2→4 of the motif on the cell's edge 1→3, "1-3.out" the 1×1 convolution behind that motif.
  std::string path;
};

/// A cell with its motifs inlined: no identities, no dead edges, no unused motifs, and pools of the
/// same input only once. Nodes are in topological order; node 0 is the input.
/// A cell whose sink is not reached from its source is invalid and has no nodes.
struct CellGraph {
  std::vector<CellNode> nodes;
  int output = 0;

  /// Whether the cell computes anything.
  bool valid() const { return !nodes.empty(); }
};

/// Whether nodes are to have a path; making them takes a good part of the time.
enum class NodePaths : std::uint8_t { given, omitted };

/// Builds the function of the top motif (section 2.1, `assemble`). Each level-2 motif of a
/// hierarchical space is followed by a 1×1 convolution to C channels; the flat cell is not.
CellGraph assemble(const Genotype& genotype, NodePaths paths = NodePaths::given);

/// A hash of the cell up to renumbered motifs, reordered nodes and concatenations, dead edges and
/// unused motifs: equal cells have equal hashes, and equal hashes mean equal functions, but for
/// chance and for cells of more symmetries than are tried. Pools have no weights, so two of the
/// same channels are one. A pool or depthwise convolution of a concatenation is not treated as the
/// concatenation of several, although these compute the same. 0 for an invalid cell.
std::uint64_t phenotype_hash(const CellGraph& cell);

/// The hash in 16 hexadecimal digits, as shown to users.
std::string phenotype_text(std::uint64_t hash);

}  // namespace hierevo::genome
