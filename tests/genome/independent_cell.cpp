#include "genome/independent_cell.hpp"

#include <utility>

#include "hierevo/core/hash.hpp"

namespace hierevo::genome::test {

namespace {

using core::combine;

class CellReader {
 public:
  explicit CellReader(const Genotype& genotype) : genotype_(genotype), space_(genotype.space()) {}

  IndependentCell read() {
    if (!computes(space_.top_level() + 1, 1)) return {};
    cell_.operations.push_back({Primitive::identity, {}, 1});
    cell_.output = motif(space_.top_level(), 0, {{0, 1}});
    return std::move(cell_);
  }

 private:
  /// Whether an edge of `level` that carries `gene` gives anything out.
  bool computes(int level, Gene gene) const {
    if (gene == no_edge || level == 2) return gene != no_edge;
    std::vector<bool> reached(static_cast<std::size_t>(space_.level(level - 1).nodes), false);
    reached[0] = true;
    for (std::size_t i = 1; i < reached.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Gene operation = edge(level - 1, gene - 1, i, j);
        if (reached[j] && computes(level - 1, operation)) reached[i] = true;
      }
    }
    return reached.back();
  }

  Gene edge(int level, int motif, std::size_t i, std::size_t j) const {
    return genotype_.motif(level, motif)[edge_index(static_cast<int>(i), static_cast<int>(j))];
  }

  Parts motif(int level, int number, const Parts& input) {
    std::map<std::size_t, Parts> known = {{0, input}};
    const auto last = static_cast<std::size_t>(space_.level(level).nodes) - 1;
    const Parts sink = node(level, number, last, known);
    return level == 2 && space_.top_level() > 2 ? apply(Primitive::conv1x1, sink) : sink;
  }

  /// Only what the sink asks for is ever made.
  Parts node(int level, int number, std::size_t i, std::map<std::size_t, Parts>& known) {
    if (const auto found = known.find(i); found != known.end()) return found->second;
    Parts merged;
    for (std::size_t j = 0; j < i; ++j) {
      const Gene gene = edge(level, number, i, j);
      if (!computes(level, gene)) continue;
      const Parts input = node(level, number, j, known);
      if (input.empty()) continue;
      const Parts part = level == 2 ? apply(static_cast<Primitive>(gene - 1), input)
                                    : motif(level - 1, gene - 1, input);
      for (const auto& [operation, times] : part) merged[operation] += times;
    }
    return known[i] = merged;
  }

  Parts apply(Primitive kind, const Parts& input) {
    if (kind == Primitive::identity) return input;
    if (kind == Primitive::maxpool3x3 || kind == Primitive::avgpool3x3) {
      const auto [known, fresh] = pools_.emplace(std::pair(kind, input), cell_.operations.size());
      if (!fresh) return {{known->second, 1}};
    }
    std::uint64_t read = 0;
    for (const auto& [operation, times] : input) {
      read += core::mix(combine(cell_.operations[operation].label, times));
    }
    const auto code = static_cast<std::uint64_t>(kind) + 10;
    cell_.operations.push_back({kind, input, combine(code, read)});
    return {{cell_.operations.size() - 1, 1}};
  }

  const Genotype& genotype_;
  const SearchSpace& space_;
  IndependentCell cell_;
  std::map<std::pair<Primitive, Parts>, std::size_t> pools_;
};

/// Maps the operations of a to those of b one after another, going back where none fits.
class Matching {
 public:
  Matching(const IndependentCell& a, const IndependentCell& b)
      : a_(a), b_(b), image_(a.operations.size()), taken_(b.operations.size(), false) {}

  bool complete_from(std::size_t next) {
    if (next == a_.operations.size()) return mapped(a_.output) == b_.output;
    const Operation& operation = a_.operations[next];
    const Parts reads = mapped(operation.reads);
    for (std::size_t i = 0; i < b_.operations.size(); ++i) {
      const Operation& other = b_.operations[i];
      if (taken_[i] || other.label != operation.label || other.reads != reads) continue;
      taken_[i] = true;
      image_[next] = i;
      if (complete_from(next + 1)) return true;
      taken_[i] = false;
    }
    return false;
  }

 private:
  Parts mapped(const Parts& parts) const {
    Parts result;
    for (const auto& [operation, times] : parts) result[image_[operation]] = times;
    return result;
  }

  const IndependentCell& a_;
  const IndependentCell& b_;
  std::vector<std::size_t> image_;
  std::vector<bool> taken_;
};

}  // namespace

IndependentCell read_cell(const Genotype& genotype) {
  return CellReader(genotype).read();
}

bool isomorphic(const IndependentCell& a, const IndependentCell& b) {
  return a.operations.size() == b.operations.size() && Matching(a, b).complete_from(0);
}

}  // namespace hierevo::genome::test
