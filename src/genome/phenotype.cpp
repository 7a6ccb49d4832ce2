// The canonical phenotype. Weights are not shared between uses, so two convolutions of one input
// differ from one convolution used twice: an expression hash is not enough. Nodes are coloured by
// refinement instead (Weisfeiler and Lehman): a node's next colour comes from its own, its
// operands' and its users', until no two nodes of one colour can be told apart. Concatenations are
// hashed as multisets, since a permutation of channels is undone by the weights that read them.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "hierevo/core/hash.hpp"
#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::genome {

namespace {

using core::combine;

/// The cell without nested concatenations: each operation knows what it reads as (node, times)
/// pairs. Channels read twice count twice. The number of times can be exponential in the number of
/// nodes; it wraps, which a hash may.
struct Reading {
  std::size_t node;
  std::uint64_t times;
};

std::vector<std::vector<Reading>> flatten(const CellGraph& cell) {
  const std::size_t count = cell.nodes.size();
  std::vector<std::vector<std::uint64_t>> value(count);  // per node: times of every operation
  std::vector<std::vector<Reading>> readings(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::uint64_t> sum(count, 0);
    for (const int operand : cell.nodes[i].operands) {
      const auto& part = value[static_cast<std::size_t>(operand)];
      for (std::size_t n = 0; n < i; ++n) sum[n] += part[n];
    }
    for (std::size_t n = 0; n < i; ++n) {
      if (sum[n] != 0) readings[i].push_back({n, sum[n]});
    }
    if (cell.nodes[i].kind != CellNodeKind::concat) {
      std::fill(sum.begin(), sum.end(), 0);
      sum[i] = 1;
    }
    value[i] = std::move(sum);
  }
  // What the cell gives out is read by one more, imaginary node.
  const auto& result = value[static_cast<std::size_t>(cell.output)];
  auto& last = readings.emplace_back();
  for (std::size_t n = 0; n < count; ++n) {
    if (result[n] != 0) last.push_back({n, result[n]});
  }
  return readings;
}

std::size_t distinct(const std::vector<std::uint64_t>& colours) {
  return std::set<std::uint64_t>(colours.begin(), colours.end()).size();
}

}  // namespace

std::uint64_t phenotype_hash(const CellGraph& cell) {
  if (!cell.valid()) return 0;
  const auto readings = flatten(cell);
  std::vector<std::size_t> real;  // everything but concatenations, and the imaginary reader
  std::vector<std::uint64_t> colour(readings.size(), 0);
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const bool reader = i == cell.nodes.size();
    if (!reader && cell.nodes[i].kind == CellNodeKind::concat) continue;
    real.push_back(i);
    colour[i] = core::mix(reader ? 100 : static_cast<std::uint64_t>(cell.nodes[i].kind) + 1);
  }
  std::size_t classes = distinct(colour);
  while (true) {
    std::vector<std::uint64_t> from_operands(colour.size(), 0);
    std::vector<std::uint64_t> from_users(colour.size(), 0);
    for (const std::size_t user : real) {
      for (const auto& [node, times] : readings[user]) {  // sums do not depend on the order
        from_operands[user] += times * core::mix(combine(colour[node], 1));
        from_users[node] += core::mix(combine(combine(colour[user], 2), times));
      }
    }
    for (const std::size_t i : real) {
      colour[i] = combine(combine(colour[i], from_operands[i]), from_users[i]);
    }
    const std::size_t refined = distinct(colour);
    if (refined == classes) break;
    classes = refined;
  }
  std::uint64_t hash = 0;
  for (const std::size_t i : real) hash += core::mix(colour[i]);
  return std::max<std::uint64_t>(core::mix(hash), 1);
}

std::string phenotype_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

}  // namespace hierevo::genome
