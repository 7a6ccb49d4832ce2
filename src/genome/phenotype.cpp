// The canonical phenotype. Weights are not shared between uses, so two convolutions of one input
// differ from one convolution used twice: an expression hash is not enough. Operations are coloured
// by refinement instead (Weisfeiler and Lehman): an operation's next colour comes from its own, its
// operands' and its users', until no two of one colour can be told apart. Concatenations are hashed
// as multisets, since a permutation of channels is undone by the weights that read them.
//
// Refinement does not see whether four operations of one colour are joined by their users in a ring
// or in two halves. Where such are left, each of them in turn gets a colour of its own and
// refinement goes on; the sum over all of them does not depend on an order (McKay's
// individualisation).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "hierevo/core/hash.hpp"
#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::genome {

namespace {

using core::combine;

/// One end of an edge: channels read twice count twice. The number of times can be exponential in
/// the number of nodes; it wraps, which a hash may.
struct Reading {
  std::size_t operation;
  std::uint64_t times;
  auto operator<=>(const Reading&) const = default;
};
using Readings = std::vector<Reading>;  // in ascending order of operations

/// The cell without its concatenations.
struct Operation {
  std::uint64_t kind;
  Readings reads;
  Readings users;
};
using Colours = std::vector<std::uint64_t>;

Readings joined(const std::vector<int>& operands, const std::vector<Readings>& values) {
  std::map<std::size_t, std::uint64_t> sum;
  for (const int operand : operands) {
    for (const auto& [operation, times] : values[static_cast<std::size_t>(operand)]) {
      sum[operation] += times;
    }
  }
  Readings result;
  for (const auto& [operation, times] : sum) result.push_back({operation, times});
  return result;
}

/// The operations of the cell and, as the last, an imaginary one that reads what it gives out.
/// Pools of the same channels, in whatever order, compute the same and are one.
std::vector<Operation> flatten(const CellGraph& cell) {
  std::vector<Operation> operations;
  std::vector<Readings> values;  // what each node gives out
  std::map<std::pair<CellNodeKind, Readings>, std::size_t> pools;
  for (const CellNode& node : cell.nodes) {
    Readings reads = joined(node.operands, values);
    if (node.kind == CellNodeKind::concat) {
      values.push_back(std::move(reads));
      continue;
    }
    std::size_t index = operations.size();
    if (node.kind == CellNodeKind::maxpool3x3 || node.kind == CellNodeKind::avgpool3x3) {
      index = pools.try_emplace({node.kind, reads}, index).first->second;
    }
    if (index == operations.size()) {
      operations.push_back({static_cast<std::uint64_t>(node.kind) + 1, std::move(reads), {}});
    }
    values.push_back({{index, 1}});
  }
  constexpr std::uint64_t reader = 100;
  operations.push_back({reader, values[static_cast<std::size_t>(cell.output)], {}});
  for (std::size_t user = 0; user < operations.size(); ++user) {
    for (const auto& [operation, times] : operations[user].reads) {
      operations[operation].users.push_back({user, times});
    }
  }
  return operations;
}

std::size_t distinct(Colours colours) {
  std::sort(colours.begin(), colours.end());
  return static_cast<std::size_t>(std::unique(colours.begin(), colours.end()) - colours.begin());
}

void refine(const std::vector<Operation>& operations, Colours& colours) {
  std::size_t classes = distinct(colours);
  while (true) {
    Colours next(colours.size());
    for (std::size_t i = 0; i < operations.size(); ++i) {
      std::uint64_t from_operands = 0;  // sums do not depend on the order
      std::uint64_t from_users = 0;
      for (const auto& [node, times] : operations[i].reads) {
        from_operands += times * core::mix(combine(colours[node], 1));
      }
      for (const auto& [user, times] : operations[i].users) {
        from_users += core::mix(combine(combine(colours[user], 2), times));
      }
      next[i] = combine(combine(colours[i], from_operands), from_users);
    }
    colours = std::move(next);
    const std::size_t refined = distinct(colours);
    if (refined == classes) return;
    classes = refined;
  }
}

/// The operations of the smallest colour that several have who are not all twins. Twins have the
/// same operands and users: whichever is which changes nothing, so that colours say all.
std::vector<std::size_t> undecided(const std::vector<Operation>& operations,
                                   const Colours& colours) {
  std::map<std::uint64_t, std::vector<std::size_t>> classes;
  for (std::size_t i = 0; i < colours.size(); ++i) classes[colours[i]].push_back(i);
  for (const auto& [colour, members] : classes) {
    const Operation& first = operations[members.front()];
    for (const std::size_t member : members) {
      const Operation& other = operations[member];
      if (std::tie(other.reads, other.users) != std::tie(first.reads, first.users)) return members;
    }
  }
  return {};
}

/// `tries` bounds how many colourings are looked at. The bound is met or not whatever the order, so
/// equal cells stay equal; cells so symmetric that it is met may not be told apart.
std::uint64_t hash_of(const std::vector<Operation>& operations, Colours colours,
                      std::size_t tries) {
  refine(operations, colours);
  const std::vector<std::size_t> choices = undecided(operations, colours);
  std::uint64_t hash = 0;
  if (choices.empty() || choices.size() > tries) {
    for (const std::uint64_t colour : colours) hash += core::mix(colour);
    return core::mix(hash);
  }
  for (const std::size_t choice : choices) {
    Colours chosen = colours;
    chosen[choice] = core::mix(combine(chosen[choice], 3));
    hash += core::mix(hash_of(operations, std::move(chosen), tries / choices.size()));
  }
  return core::mix(hash);
}

}  // namespace

std::uint64_t phenotype_hash(const CellGraph& cell) {
  if (!cell.valid()) return 0;
  const std::vector<Operation> operations = flatten(cell);
  Colours colours;
  for (const Operation& operation : operations) colours.push_back(core::mix(operation.kind));
  // Enough for six equal branches in every order (6!), but less for the largest cells.
  const std::size_t tries = std::min<std::size_t>(720, 200'000 / operations.size());
  return std::max<std::uint64_t>(hash_of(operations, std::move(colours), tries), 1);
}

std::string phenotype_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

}  // namespace hierevo::genome
