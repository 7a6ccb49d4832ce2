// The canonical phenotype, against an independent reading of genotypes and what it computes.
//
// Twins, equal operations of one input, have the same label and so the same weights there. Where
// two cells of different phenotype compute the same because of that, or because a pool of a
// concatenation is one of pools, a search for an isomorphism decides.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "genome/independent_cell.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/mutation.hpp"

namespace hierevo::genome {
namespace {

using test::IndependentCell;
using test::isomorphic;

std::uint64_t phenotype(const Genotype& genotype) {
  return phenotype_hash(assemble(genotype));
}

struct Sample {
  std::uint64_t phenotype;
  double output;
  IndependentCell cell;
};

bool near(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

/// Valid cells: `count` random genotypes and as many mutants of each as asked for, which often are
/// the same cell or nearly so.
std::vector<Sample> samples_of(const SearchSpace& space, int count, int mutants) {
  core::RandomStream random(17);
  std::vector<Sample> samples;
  for (int n = 0; n < count; ++n) {
    Genotype genotype = random_genotype(space, random, 200);
    for (int mutant = 0; mutant <= mutants; ++mutant) {
      if (mutant > 0) apply(draw_mutation(space, random), genotype);
      IndependentCell cell = test::read_cell(genotype);
      EXPECT_EQ(cell.output.empty(), phenotype(genotype) == 0);
      if (cell.output.empty()) continue;
      const double output = output_of(cell);
      samples.push_back({phenotype(genotype), output, std::move(cell)});
    }
  }
  return samples;
}

struct SpaceCase {
  const char* space;
  int genotypes;
  int mutants;
  std::size_t repeated;  ///< at least so many have a phenotype that was there before
};

class RandomCells : public testing::TestWithParam<SpaceCase> {};

TEST_P(RandomCells, HaveEqualPhenotypesExactlyWhenTheyAreIsomorphic) {
  const auto& [space, genotypes, mutants, repeated] = GetParam();
  std::vector<Sample> samples = samples_of(SearchSpace::parse(space), genotypes, mutants);
  std::map<std::uint64_t, const Sample*> first;
  for (const Sample& sample : samples) {
    const Sample& known = *first.try_emplace(sample.phenotype, &sample).first->second;
    ASSERT_TRUE(near(sample.output, known.output)) << "different functions, one phenotype";
    ASSERT_TRUE(isomorphic(sample.cell, known.cell)) << "different cells, one phenotype";
  }
  EXPECT_GE(samples.size() - first.size(), repeated);
  EXPECT_GT(first.size(), 100u);

  std::vector<const Sample*> by_output;
  for (const auto& [phenotype, sample] : first) by_output.push_back(sample);
  std::sort(by_output.begin(), by_output.end(),
            [](const Sample* a, const Sample* b) { return a->output < b->output; });
  int tied = 0;
  for (std::size_t i = 0; i < by_output.size(); ++i) {
    for (std::size_t j = i + 1; j < by_output.size(); ++j) {
      if (!near(by_output[i]->output, by_output[j]->output)) break;
      ++tied;
      ASSERT_FALSE(isomorphic(by_output[i]->cell, by_output[j]->cell))
          << "one cell, two phenotypes";
    }
  }
  RecordProperty("phenotypes", static_cast<int>(first.size()));
  RecordProperty("tied", tied);
}

INSTANTIATE_TEST_SUITE_P(
    OfSeveralSpaces, RandomCells,
    testing::Values(SpaceCase{"1x4", 20'000, 0, 5'000}, SpaceCase{"1x5", 10'000, 2, 1'000},
                    SpaceCase{"2x3,1x3", 10'000, 1, 5'000}, SpaceCase{"2x2,2x3,1x4", 3'000, 1, 500},
                    SpaceCase{"hierarchical", 1'000, 6, 300}, SpaceCase{"flat", 1'000, 4, 100}),
    [](const testing::TestParamInfo<SpaceCase>& tested) {
      return "space" + std::to_string(tested.index);
    });

// --- The same cell, written differently ---------------------------------------------------------

using Order = std::vector<int>;

/// A motif with its nodes put in another order that keeps every edge forward.
std::vector<Gene> reordered(const std::vector<Gene>& motif, int nodes, core::RandomStream& random) {
  Order place(static_cast<std::size_t>(nodes));
  std::iota(place.begin(), place.end(), 0);
  std::vector<Gene> edges = motif;
  for (int swaps = 0; swaps < 4 * nodes && nodes > 3; ++swaps) {
    const int k = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(nodes - 3)));
    if (edges[edge_index(k + 1, k)] != no_edge) continue;
    const auto swapped = [k](int node) { return node == k ? k + 1 : node == k + 1 ? k : node; };
    std::vector<Gene> next(edges.size(), no_edge);
    for (int i = 1; i < nodes; ++i) {
      for (int j = 0; j < i; ++j) {
        const Gene gene = edges[edge_index(i, j)];
        if (gene != no_edge) next[edge_index(swapped(i), swapped(j))] = gene;
      }
    }
    edges = std::move(next);
  }
  return edges;
}

/// The genotype with the motifs of every level renumbered and the nodes of every motif reordered.
Genotype rewritten(const Genotype& genotype, core::RandomStream& random) {
  const SearchSpace& space = genotype.space();
  Genotype result(space);
  Order below;  // new numbers of the motifs of the level below; none for primitives
  for (int level = 2; level <= space.top_level(); ++level) {
    const auto [motifs, nodes] = space.level(level);
    Order numbers(static_cast<std::size_t>(motifs));
    std::iota(numbers.begin(), numbers.end(), 0);
    std::shuffle(numbers.begin(), numbers.end(), random);
    for (int m = 0; m < motifs; ++m) {
      const auto motif = genotype.motif(level, m);
      const auto edges = reordered({motif.begin(), motif.end()}, nodes, random);
      for (int i = 1; i < nodes; ++i) {
        for (int j = 0; j < i; ++j) {
          Gene gene = edges[edge_index(i, j)];
          if (gene != no_edge && level > 2) {
            gene = static_cast<Gene>(below[static_cast<std::size_t>(gene - 1)] + 1);
          }
          result.set_edge(level, numbers[static_cast<std::size_t>(m)], i, j, gene);
        }
      }
    }
    below = numbers;
  }
  return result;
}

TEST(Phenotype, DoesNotDependOnTheOrderOfMotifsAndNodes) {
  core::RandomStream random(23);
  for (const char* name : {"1x5", "2x3,1x4", "3x3,2x4,1x6", "hierarchical", "flat"}) {
    const SearchSpace space = SearchSpace::parse(name);
    int changed = 0;
    for (int n = 0; n < 500; ++n) {
      const Genotype genotype = random_genotype(space, random, 200);
      const Genotype other = rewritten(genotype, random);
      changed += genotype == other ? 0 : 1;
      ASSERT_EQ(phenotype(genotype), phenotype(other)) << name;
    }
    EXPECT_GT(changed, 50) << name;
  }
}

// --- Cells that are hard to tell apart ----------------------------------------------------------

constexpr Gene of(Primitive primitive) {
  return static_cast<Gene>(static_cast<int>(primitive) + 1);
}

/// A flat cell: convolutions of the input, a depthwise one of each pair of them in `read`, and the
/// concatenation of those.
Genotype pairs(int convolutions, const std::vector<std::pair<int, int>>& read) {
  const int nodes = 2 + convolutions + static_cast<int>(read.size());
  Genotype genotype(SearchSpace({{1, nodes}}));
  for (int i = 0; i < convolutions; ++i) genotype.set_edge(2, 0, 1 + i, 0, of(Primitive::conv1x1));
  int node = convolutions;
  for (const auto& [a, b] : read) {
    ++node;
    genotype.set_edge(2, 0, node, 1 + a, of(Primitive::identity));
    genotype.set_edge(2, 0, node, 1 + b, of(Primitive::identity));
    genotype.set_edge(2, 0, nodes - 1, node, of(Primitive::depthwise3x3));
  }
  return genotype;
}

TEST(Phenotype, TellsARingFromTwoHalves) {  // neighbours alone do not: all look alike
  const Genotype ring_of_4 = pairs(4, {{0, 1}, {1, 2}, {2, 3}, {0, 3}});
  const Genotype halves_of_4 = pairs(4, {{0, 1}, {0, 1}, {2, 3}, {2, 3}});
  const Genotype ring_of_6 = pairs(6, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {0, 5}});
  const Genotype halves_of_6 = pairs(6, {{0, 1}, {1, 2}, {0, 2}, {3, 4}, {4, 5}, {3, 5}});
  EXPECT_FALSE(isomorphic(test::read_cell(ring_of_4), test::read_cell(halves_of_4)));
  EXPECT_NE(phenotype(ring_of_4), phenotype(halves_of_4));
  EXPECT_FALSE(isomorphic(test::read_cell(ring_of_6), test::read_cell(halves_of_6)));
  EXPECT_NE(phenotype(ring_of_6), phenotype(halves_of_6));
  const Genotype turned = pairs(6, {{3, 1}, {1, 5}, {0, 5}, {0, 4}, {2, 4}, {2, 3}});
  EXPECT_TRUE(isomorphic(test::read_cell(ring_of_6), test::read_cell(turned)));
  EXPECT_EQ(phenotype(ring_of_6), phenotype(turned));
}

TEST(Phenotype, TellsOneAmongManySymmetricParts) {
  using Read = std::vector<std::pair<int, int>>;
  const auto shifted = [](Read read, int by) {
    for (auto& [a, b] : read) a += by, b += by;
    return read;
  };
  const auto joined = [](Read a, const Read& b, const Read& c) {
    a.insert(a.end(), b.begin(), b.end());
    a.insert(a.end(), c.begin(), c.end());
    return a;
  };
  const Read ring = {{0, 1}, {1, 2}, {2, 3}, {0, 3}};
  const Read halves = {{0, 1}, {0, 1}, {2, 3}, {2, 3}};
  const Genotype rings = pairs(12, joined(ring, shifted(ring, 4), shifted(ring, 8)));
  const Genotype one_is_halves = pairs(12, joined(ring, shifted(halves, 4), shifted(ring, 8)));
  const Genotype another_is = pairs(12, joined(ring, shifted(ring, 4), shifted(halves, 8)));
  const Genotype two_are = pairs(12, joined(halves, shifted(ring, 4), shifted(halves, 8)));
  EXPECT_EQ(phenotype(one_is_halves), phenotype(another_is));
  EXPECT_EQ((std::set{phenotype(rings), phenotype(one_is_halves), phenotype(two_are)}).size(), 3u);
}

TEST(Phenotype, PoolsOfTheSameChannelsAreOne) {
  // Nodes 2 and 3 are convolutions, 4 is 2, 5 is [2, 3], 6 is [3, 4]; 5 and 6 are pooled.
  Genotype twice(SearchSpace({{1, 7}}));
  twice.set_edge(2, 0, 1, 0, of(Primitive::conv1x1));
  twice.set_edge(2, 0, 2, 0, of(Primitive::separable3x3));
  twice.set_edge(2, 0, 3, 1, of(Primitive::identity));
  twice.set_edge(2, 0, 4, 1, of(Primitive::identity));
  twice.set_edge(2, 0, 4, 2, of(Primitive::identity));
  twice.set_edge(2, 0, 5, 2, of(Primitive::identity));
  twice.set_edge(2, 0, 5, 3, of(Primitive::identity));
  twice.set_edge(2, 0, 6, 4, of(Primitive::maxpool3x3));
  twice.set_edge(2, 0, 6, 5, of(Primitive::maxpool3x3));
  Genotype once = twice;  // here 6 is 5
  once.set_edge(2, 0, 5, 2, no_edge);
  once.set_edge(2, 0, 5, 3, no_edge);
  once.set_edge(2, 0, 5, 4, of(Primitive::identity));
  EXPECT_EQ(phenotype(once), phenotype(twice));
}

}  // namespace
}  // namespace hierevo::genome
