// The cell of a genotype as a test reads it, by recursion over motifs, without the assembly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "hierevo/genome/genotype.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome::test {

/// Which operations' outputs are concatenated, each with the number of times.
using Parts = std::map<std::size_t, std::uint64_t>;

struct Operation {
  Primitive kind{};  ///< identity for the input of the cell, which is operation 0
  Parts reads;
  /// Equal for operations that compute the same of the input when the same weights are given to
  /// operations that read the same.
  std::uint64_t label = 0;
};

/// Operations in an order in which they can be computed, all of them live; pools of the same parts
/// are one. No parts: the genotype is invalid.
struct IndependentCell {
  std::vector<Operation> operations;
  Parts output;
};

IndependentCell read_cell(const Genotype& genotype);

/// Whether the operations of one cell can be mapped to those of the other so that each reads the
/// same. Tries all that labels allow.
bool isomorphic(const IndependentCell& a, const IndependentCell& b);

/// A number that the cell computes of a fixed small image. Weights depend only on what a channel
/// is, so the order of concatenations does not matter; operations of one label have equal weights.
double output_of(const IndependentCell& cell);

}  // namespace hierevo::genome::test
