// The canonical phenotype. Weights are not shared between uses, so two convolutions of one input
// differ from one convolution used twice: an expression hash is not enough. Operations are coloured
// by refinement instead (Weisfeiler and Lehman): an operation's next colour comes from its own, its
// operands' and its users', until no two of one colour can be told apart. Concatenations are hashed
// as multisets, since a permutation of channels is undone by the weights that read them.
//
// Refinement does not see whether four operations of one colour are joined by their users in a ring
// or in two halves. What it leaves undecided falls into components, once the operations are taken
// out that their colours say all of; equal branches of a cell are such components, and where none
// of them has a colour twice, colours still say all. Otherwise each operation of such a colour in
// turn gets a colour of its own and the component is refined again; the sum over all of them does
// not depend on an order (McKay's individualisation).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
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
  const auto value = [&values](int node) -> const Readings& {
    return values[static_cast<std::size_t>(node)];
  };
  if (operands.size() == 1) return value(operands.front());
  Readings all;
  for (const int operand : operands) {
    all.insert(all.end(), value(operand).begin(), value(operand).end());
  }
  std::sort(all.begin(), all.end());
  std::size_t kept = 0;  // of those before, each operation once
  for (const Reading& reading : all) {
    if (kept > 0 && all[kept - 1].operation == reading.operation) {
      all[kept - 1].times += reading.times;
    } else {
      all[kept++] = reading;
    }
  }
  all.resize(kept);
  return all;
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

using Members = std::vector<std::size_t>;  // some of the operations

/// Hashes operations by their colours; see the head of this file.
class ColourHash {
 public:
  explicit ColourHash(const std::vector<Operation>& operations)
      : operations_(operations),
        next_(operations.size()),
        as_operand_(operations.size()),
        as_user_(operations.size()),
        marked_(operations.size(), false) {
    for (const Operation& operation : operations) colours_.push_back(core::mix(operation.kind));
  }

  /// Of all `members`, whose colours are then refined; those of others stay. `tries` bounds how
  /// many colourings of a component are looked at. The bound is met or not whatever the order, so
  /// equal cells stay equal; cells so symmetric that it is met may not be told apart.
  std::uint64_t of(const Members& members, std::size_t tries) {
    refine(members);
    std::uint64_t hash = 0;
    for (const std::size_t i : members) hash += core::mix(colours_[i]);
    for (const Members& component : components(undecided_among(members))) {
      const Members choices = first_undecided_class(component);
      if (choices.empty() || choices.size() > tries) continue;
      hash += core::mix(combine(of_choices(component, choices, tries / choices.size()), 4));
    }
    return core::mix(hash);
  }

 private:
  std::uint64_t of_choices(const Members& component, const Members& choices, std::size_t tries) {
    Colours before;
    for (const std::size_t i : component) before.push_back(colours_[i]);
    std::uint64_t sum = 0;
    for (const std::size_t choice : choices) {
      colours_[choice] = core::mix(combine(colours_[choice], 3));
      sum += core::mix(of(component, tries));
      for (std::size_t i = 0; i < component.size(); ++i) colours_[component[i]] = before[i];
    }
    return sum;
  }

  /// Until no two of one colour can be told apart.
  void refine(const Members& members) {
    for (const std::size_t i : members) {
      for (const Reading& reading : operations_[i].reads) look_from_outside(reading.operation);
      for (const Reading& reading : operations_[i].users) look_from_outside(reading.operation);
    }
    std::size_t classes = distinct(members);
    std::size_t before = 0;
    do {
      refine_once(members);
      before = std::exchange(classes, distinct(members));
    } while (classes != before);
  }

  static std::uint64_t used(std::uint64_t colour, std::uint64_t times) {
    return core::mix(combine(combine(colour, 2), times));
  }

  void look_from_outside(std::size_t i) {
    as_operand_[i] = core::mix(combine(colours_[i], 1));
    as_user_[i] = used(colours_[i], 1);
  }

  void refine_once(const Members& members) {
    for (const std::size_t i : members) look_from_outside(i);
    for (const std::size_t i : members) {
      std::uint64_t from_operands = 0;  // sums do not depend on the order
      std::uint64_t from_users = 0;
      for (const auto& [node, times] : operations_[i].reads) {
        from_operands += times * as_operand_[node];
      }
      for (const auto& [user, times] : operations_[i].users) {
        from_users += times == 1 ? as_user_[user] : used(colours_[user], times);
      }
      next_[i] = combine(combine(colours_[i], from_operands), from_users);
    }
    for (const std::size_t i : members) colours_[i] = next_[i];
  }

  std::size_t distinct(const Members& members) {
    sorted_.clear();
    for (const std::size_t i : members) sorted_.push_back(colours_[i]);
    std::sort(sorted_.begin(), sorted_.end());
    return static_cast<std::size_t>(std::unique(sorted_.begin(), sorted_.end()) - sorted_.begin());
  }

  /// Twins have the same operands and users: whichever is which changes nothing.
  bool are_twins(std::span<const std::size_t> members) const {
    const Operation& one = operations_[members.front()];
    return std::all_of(members.begin(), members.end(), [&](std::size_t member) {
      const Operation& other = operations_[member];
      return std::tie(other.reads, other.users) == std::tie(one.reads, one.users);
    });
  }

  /// Calls `see` with the members of each colour, the smallest colour first.
  template <typename See>
  void for_each_class(const Members& members, const See& see) const {
    Members sorted = members;
    std::sort(sorted.begin(), sorted.end(),
              [this](std::size_t a, std::size_t b) { return colours_[a] < colours_[b]; });
    for (auto first = sorted.begin(); first != sorted.end();) {
      const auto last = std::find_if(
          first, sorted.end(), [&](std::size_t i) { return colours_[i] != colours_[*first]; });
      see(std::span<const std::size_t>(first, last));
      first = last;
    }
  }

  Members undecided_among(const Members& members) const {
    Members undecided;
    for_each_class(members, [&](std::span<const std::size_t> same) {
      if (!are_twins(same)) undecided.insert(undecided.end(), same.begin(), same.end());
    });
    return undecided;
  }

  /// Those of the smallest colour that others than twins share.
  Members first_undecided_class(const Members& component) const {
    Members choices;
    for_each_class(component, [&](std::span<const std::size_t> same) {
      if (choices.empty() && !are_twins(same)) choices.assign(same.begin(), same.end());
    });
    return choices;
  }

  /// What hangs together among `members` alone.
  std::vector<Members> components(const Members& members) {
    for (const std::size_t i : members) marked_[i] = true;
    std::vector<Members> found;
    for (const std::size_t first : members) {
      if (!marked_[first]) continue;
      marked_[first] = false;
      Members component = {first};
      const auto take = [&](const Readings& readings) {
        for (const Reading& reading : readings) {
          if (!marked_[reading.operation]) continue;
          marked_[reading.operation] = false;
          component.push_back(reading.operation);
        }
      };
      for (std::size_t i = 0; i < component.size(); ++i) {
        take(operations_[component[i]].reads);
        take(operations_[component[i]].users);
      }
      found.push_back(std::move(component));
    }
    return found;
  }

  const std::vector<Operation>& operations_;
  Colours colours_;
  Colours next_;
  Colours as_operand_;
  Colours as_user_;  ///< of a user that reads once
  Colours sorted_;
  std::vector<bool> marked_;
};

}  // namespace

std::uint64_t phenotype_hash(const CellGraph& cell) {
  if (!cell.valid()) return 0;
  const std::vector<Operation> operations = flatten(cell);
  Members all(operations.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  // Enough for six equal branches in every order (6!), but less for the largest cells.
  const std::size_t tries = std::min<std::size_t>(720, 200'000 / operations.size());
  return std::max<std::uint64_t>(ColourHash(operations).of(all, tries), 1);
}

std::string phenotype_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

}  // namespace hierevo::genome
