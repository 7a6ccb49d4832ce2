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
/// Neighbours in a list that all operations share: a list of its own for each would cost more time
/// than all the rest.
struct Range {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// The cell without its concatenations and, as the last operation, an imaginary one that reads what
/// the cell gives out. Pools of the same channels, in whatever order, compute the same and are one.
class FlatCell {
 public:
  explicit FlatCell(const CellGraph& cell) {
    for (const CellNode& node : cell.nodes) add(node);
    constexpr std::uint64_t reader = 100;
    kinds_.push_back(reader);
    reads_.push_back(values_[static_cast<std::size_t>(cell.output)]);
    find_users();
  }

  std::size_t size() const { return kinds_.size(); }
  std::uint64_t kind(std::size_t operation) const { return kinds_[operation]; }
  /// In ascending order of operations, as are users().
  std::span<const Reading> reads(std::size_t operation) const {
    return at(readings_, reads_[operation]);
  }
  std::span<const Reading> users(std::size_t operation) const {
    return at(users_, {first_user_[operation], first_user_[operation + 1]});
  }
  /// The same operands and users: whichever is which changes nothing.
  bool are_twins(std::size_t a, std::size_t b) const {
    const auto same = [](std::span<const Reading> one, std::span<const Reading> other) {
      return std::equal(one.begin(), one.end(), other.begin(), other.end());
    };
    return same(reads(a), reads(b)) && same(users(a), users(b));
  }

 private:
  static std::span<const Reading> at(const std::vector<Reading>& list, Range range) {
    return std::span(list).subspan(range.first, range.last - range.first);
  }

  void add(const CellNode& node) {
    const Range reads = joined(node.operands);
    if (node.kind == CellNodeKind::concat) {
      values_.push_back(reads);
      return;
    }
    std::size_t index = size();
    if (node.kind == CellNodeKind::maxpool3x3 || node.kind == CellNodeKind::avgpool3x3) {
      const auto listed = at(readings_, reads);
      std::vector<Reading> key(listed.begin(), listed.end());
      index = pools_.try_emplace({node.kind, std::move(key)}, index).first->second;
    }
    if (index == size()) {
      kinds_.push_back(static_cast<std::uint64_t>(node.kind) + 1);
      reads_.push_back(reads);
    }
    values_.push_back({readings_.size(), readings_.size() + 1});
    readings_.push_back({index, 1});
  }

  Range joined(const std::vector<int>& operands) {
    if (operands.empty()) return {};
    if (operands.size() == 1) return values_[static_cast<std::size_t>(operands.front())];
    const std::size_t first = readings_.size();
    for (const int operand : operands) {
      const Range value = values_[static_cast<std::size_t>(operand)];
      for (std::size_t i = value.first; i < value.last; ++i) {
        const Reading reading = readings_[i];
        readings_.push_back(reading);
      }
    }
    const auto all = readings_.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(all, readings_.end());
    std::size_t last = first;  // of those that stand for themselves, each operation once
    for (std::size_t i = first; i < readings_.size(); ++i) {
      if (last > first && readings_[last - 1].operation == readings_[i].operation) {
        readings_[last - 1].times += readings_[i].times;
      } else {
        readings_[last++] = readings_[i];
      }
    }
    readings_.resize(last);
    return {first, last};
  }

  void find_users() {
    first_user_.assign(size() + 1, 0);
    for (std::size_t user = 0; user < size(); ++user) {
      for (const Reading& reading : reads(user)) ++first_user_[reading.operation + 1];
    }
    std::partial_sum(first_user_.begin(), first_user_.end(), first_user_.begin());
    users_.resize(first_user_.back());
    std::vector<std::size_t> next = first_user_;
    for (std::size_t user = 0; user < size(); ++user) {
      for (const auto& [operation, times] : reads(user)) users_[next[operation]++] = {user, times};
    }
  }

  std::vector<std::uint64_t> kinds_;
  std::vector<Range> reads_;
  std::vector<Range> values_;  ///< of each node: what it gives out
  std::vector<Reading> readings_;
  std::vector<std::size_t> first_user_;
  std::vector<Reading> users_;
  std::map<std::pair<CellNodeKind, std::vector<Reading>>, std::size_t> pools_;
};

using Colours = std::vector<std::uint64_t>;
using Members = std::vector<std::size_t>;  // some of the operations

/// Hashes operations by their colours; see the head of this file.
class ColourHash {
 public:
  explicit ColourHash(const FlatCell& cell)
      : cell_(cell),
        colours_(cell.size()),
        next_(cell.size()),
        as_operand_(cell.size()),
        as_user_(cell.size()),
        marked_(cell.size(), false) {
    for (std::size_t i = 0; i < cell.size(); ++i) colours_[i] = core::mix(cell.kind(i));
  }

  /// Of all `members`, whose colours are then refined; those of others stay. `tries` bounds how
  /// many colourings of a component are looked at. The bound is met or not whatever the order, so
  /// equal cells stay equal; cells so symmetric that it is met may not be distinguished.
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
      for (const Reading& reading : cell_.reads(i)) look_from_outside(reading.operation);
      for (const Reading& reading : cell_.users(i)) look_from_outside(reading.operation);
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
      for (const auto& [node, times] : cell_.reads(i)) {
        from_operands += times * as_operand_[node];
      }
      for (const auto& [user, times] : cell_.users(i)) {
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

  bool are_twins(std::span<const std::size_t> members) const {
    return std::all_of(members.begin(), members.end(),
                       [&](std::size_t i) { return cell_.are_twins(i, members.front()); });
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
      const auto take = [&](std::span<const Reading> readings) {
        for (const Reading& reading : readings) {
          if (!marked_[reading.operation]) continue;
          marked_[reading.operation] = false;
          component.push_back(reading.operation);
        }
      };
      for (std::size_t i = 0; i < component.size(); ++i) {
        take(cell_.reads(component[i]));
        take(cell_.users(component[i]));
      }
      found.push_back(std::move(component));
    }
    return found;
  }

  const FlatCell& cell_;
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
  const FlatCell flat(cell);
  Members all(flat.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  // Enough for six equal branches in every order (6!), but less for the largest cells.
  const std::size_t tries = std::min<std::size_t>(720, 200'000 / flat.size());
  return std::max<std::uint64_t>(ColourHash(flat).of(all, tries), 1);
}

std::string phenotype_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

}  // namespace hierevo::genome
