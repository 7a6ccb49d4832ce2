// Assembly, phenotype and cost, against the paper's numbers and over random genotypes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "genome/published_cell.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/genome/mutation.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {
namespace {

std::int64_t parameters(const Genotype& genotype, const ModelSpec& spec) {
  return cost_of(make_plan(assemble(genotype), spec), spec.image_size()).parameters;
}

std::uint64_t phenotype(const Genotype& genotype) {
  return phenotype_hash(assemble(genotype));
}

// The paper gives 15.7 million for the large network and 64 million on ImageNet. All numbers here
// are counts by its rules.
TEST(PublishedCell, HasAsManyParametersAsCountedByThePapersRules) {
  const Genotype cell = published_cell();
  EXPECT_EQ(parameters(cell, ModelSpec::of(ModelKind::cifar_small)), 542'138);
  EXPECT_EQ(parameters(cell, ModelSpec::of(ModelKind::cifar_large)), 15'727'306);
  const ModelSpec wide{ModelKind::cifar_large, 128, 2, 3, 10};
  EXPECT_NEAR(static_cast<double>(parameters(cell, wide)), 61.9e6, 0.05e6);
  EXPECT_NEAR(static_cast<double>(parameters(cell, ModelSpec::of(ModelKind::imagenet))), 62.8e6,
              0.05e6);
}

/// Every node but the output is used, everything comes after what it reads, nothing is an identity.
void check_graph(const CellGraph& cell) {
  std::set<int> used = {cell.output};
  std::set<std::string> paths;
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    const CellNode& node = cell.nodes[i];
    ASSERT_EQ(node.kind == CellNodeKind::input, i == 0);
    ASSERT_TRUE(paths.insert(node.path).second) << node.path;
    if (i > 0) {
      ASSERT_EQ(node.kind == CellNodeKind::concat, node.operands.size() > 1);
      ASSERT_FALSE(node.operands.empty());
    }
    for (const int operand : node.operands) {
      ASSERT_LT(operand, static_cast<int>(i));
      used.insert(operand);
    }
  }
  ASSERT_EQ(used.size(), cell.nodes.size());
}

TEST(Assembly, GivesSoundGraphsForRandomGenotypes) {
  core::RandomStream random(3);
  for (const char* name : {"hierarchical", "flat", "3x3,2x4,1x6"}) {
    const SearchSpace space = SearchSpace::parse(name);
    int valid = 0;
    for (int n = 0; n < 2000; ++n) {
      const CellGraph cell = assemble(random_genotype(space, random));
      valid += cell.valid() ? 1 : 0;
      if (cell.valid()) {
        ASSERT_NO_FATAL_FAILURE(check_graph(cell)) << name;
      }
    }
    EXPECT_GT(valid, 1000) << name;
    EXPECT_LE(valid, 2000) << name;
  }
}

TEST(Assembly, ACellWithoutPathIsInvalid) {
  const CellGraph cell = assemble(Genotype(SearchSpace::hierarchical()));
  EXPECT_FALSE(cell.valid());
  EXPECT_EQ(phenotype_hash(cell), 0u);
  EXPECT_THROW(make_plan(cell, {}), core::UsageError);
}

TEST(Assembly, AMotifWithoutPathActsAsNone) {
  Genotype genotype = published_cell();
  for (int i = 1; i < 4; ++i) {
    for (int j = 0; j < i; ++j) genotype.set_edge(2, 4, i, j, no_edge);  // motif 5
  }
  Genotype without = genotype;
  const auto cell = genotype.motif(3, 0);
  for (int i = 1; i < 5; ++i) {
    for (int j = 0; j < i; ++j) {
      if (cell[edge_index(i, j)] == 5) without.set_edge(3, 0, i, j, no_edge);
    }
  }
  EXPECT_NE(genotype, without);
  EXPECT_EQ(phenotype(genotype), phenotype(without));
}

/// The genotype with level-2 motifs renumbered: motif m becomes order[m].
Genotype renumbered(const Genotype& genotype, const std::vector<int>& order) {
  Genotype result(genotype.space());
  for (int m = 0; m < 6; ++m) {
    for (int i = 1; i < 4; ++i) {
      for (int j = 0; j < i; ++j) {
        result.set_edge(2, order[static_cast<std::size_t>(m)], i, j,
                        genotype.motif(2, m)[edge_index(i, j)]);
      }
    }
  }
  for (int i = 1; i < 5; ++i) {
    for (int j = 0; j < i; ++j) {
      const Gene gene = genotype.motif(3, 0)[edge_index(i, j)];
      const int renamed = gene == no_edge ? 0 : order[static_cast<std::size_t>(gene - 1)] + 1;
      result.set_edge(3, 0, i, j, static_cast<Gene>(renamed));
    }
  }
  return result;
}

TEST(Phenotype, DoesNotDependOnTheNumbersOfMotifs) {
  core::RandomStream random(11);
  for (int n = 0; n < 300; ++n) {
    const Genotype genotype = random_genotype(SearchSpace::hierarchical(), random);
    std::vector<int> order(6);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    ASSERT_EQ(phenotype(genotype), phenotype(renumbered(genotype, order)));
  }
}

TEST(Phenotype, DoesNotDependOnUnusedMotifs) {
  Genotype genotype = published_cell();
  const std::uint64_t before = phenotype(genotype);
  genotype.set_edge(2, 1, 1, 0, no_edge);  // motifs 2 and 6 of the published cell are not used
  genotype.set_edge(2, 5, 3, 2, no_edge);
  EXPECT_EQ(phenotype(genotype), before);
}

TEST(Phenotype, DiffersForOneConvolutionUsedTwiceAndTwoConvolutions) {
  const Gene conv = static_cast<Gene>(Primitive::conv1x1) + 1;
  const Gene depthwise = static_cast<Gene>(Primitive::depthwise3x3) + 1;
  const SearchSpace space = SearchSpace::parse("1x5");
  Genotype shared(space);  // 2 = conv(1); 3 = depthwise(2), 4 = depthwise(2); 5 = [dw(3), dw(4)]
  shared.set_edge(2, 0, 1, 0, conv);
  shared.set_edge(2, 0, 2, 1, depthwise);
  shared.set_edge(2, 0, 3, 1, depthwise);
  shared.set_edge(2, 0, 4, 2, depthwise);
  shared.set_edge(2, 0, 4, 3, depthwise);
  Genotype apart(SearchSpace::parse("1x6"));  // the same with a convolution for each branch
  apart.set_edge(2, 0, 1, 0, conv);
  apart.set_edge(2, 0, 2, 0, conv);
  apart.set_edge(2, 0, 3, 1, depthwise);
  apart.set_edge(2, 0, 4, 2, depthwise);
  apart.set_edge(2, 0, 5, 3, depthwise);
  apart.set_edge(2, 0, 5, 4, depthwise);
  EXPECT_NE(phenotype(shared), phenotype(apart));
}

TEST(Phenotype, EqualPhenotypesCostTheSame) {
  core::RandomStream random(13);
  std::map<std::uint64_t, std::int64_t> seen;
  int repeated = 0;
  const SearchSpace space = SearchSpace::parse("2x3,1x3");
  for (int n = 0; n < 20'000; ++n) {
    const CellGraph cell = assemble(random_genotype(space, random, 50));
    if (!cell.valid()) continue;
    const std::int64_t cost = cost_of(make_plan(cell, {}), 32).parameters;
    const auto [found, fresh] = seen.emplace(phenotype_hash(cell), cost);
    repeated += fresh ? 0 : 1;
    ASSERT_EQ(found->second, cost);
  }
  EXPECT_GT(repeated, 1000);
  EXPECT_GT(seen.size(), 1000u);
}

TEST(Cost, StopsAtTheLargestNumberInsteadOfOverflowing) {
  const SearchSpace space = SearchSpace::parse("1x32");
  Genotype doubling(space);  // every node reads all before it: the width doubles 31 times
  for (int i = 1; i < 32; ++i) {
    for (int j = 0; j < i; ++j) {
      doubling.set_edge(2, 0, i, j, static_cast<Gene>(Primitive::identity) + 1);
    }
  }
  const Cost cost = cost_of(make_plan(assemble(doubling), {}), 32);
  EXPECT_GT(cost.parameters, std::int64_t{1} << 31);
  EXPECT_GT(cost.macs, cost.parameters);
  EXPECT_GT(phenotype(doubling), 0u);
}

}  // namespace
}  // namespace hierevo::genome
