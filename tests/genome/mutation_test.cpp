#include "hierevo/genome/mutation.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

#include "hierevo/genome/cell_graph.hpp"
#include "support/chi_square.hpp"

namespace hierevo::genome {
namespace {

constexpr int draws = 100'000;

/// Counts of what 100,000 mutations of `space` drew, with the frequency the paper gives each.
struct Tally {
  std::map<int, std::pair<double, double>> bins;  // key → observed, expected

  void expect(int key, double probability) { bins[key].second = probability * draws; }
  void see(int key) {
    ASSERT_TRUE(bins.contains(key)) << key << " must not be drawn";
    bins[key].first += 1.0;
  }
  double p() const {
    std::vector<double> observed;
    std::vector<double> expected;
    for (const auto& [key, bin] : bins) {
      observed.push_back(bin.first);
      expected.push_back(bin.second);
    }
    return test::chi_square_p(observed, expected);
  }
};

class MutationDistribution : public testing::TestWithParam<const char*> {};

/// The joint distribution, not only the margins: each of (level, motif, successor, predecessor) and
/// of (level, operation) has the probability of section 3.1.
TEST_P(MutationDistribution, EveryPartIsUniform) {
  const SearchSpace space = SearchSpace::parse(GetParam());
  const auto edge_key = [](int level, int motif, int i, int j) {
    return ((level * 64 + motif) * 32 + i) * 32 + j;
  };
  Tally edges;
  Tally operations;
  const double level_p = 1.0 / (space.top_level() - 1);
  for (int level = 2; level <= space.top_level(); ++level) {
    const auto [motifs, nodes] = space.level(level);
    for (int motif = 0; motif < motifs; ++motif) {
      for (int i = 1; i < nodes; ++i) {
        for (int j = 0; j < i; ++j) {
          edges.expect(edge_key(level, motif, i, j), level_p / motifs / (nodes - 1) / i);
        }
      }
    }
    const int choices = space.operations_below(level) + 1;
    for (int op = 0; op < choices; ++op) operations.expect(level * 100 + op, level_p / choices);
  }
  core::RandomStream random(2024);
  for (int n = 0; n < draws; ++n) {
    const Mutation m = draw_mutation(space, random);
    edges.see(edge_key(m.level, m.motif, m.successor, m.predecessor));
    operations.see(m.level * 100 + m.operation);
  }
  EXPECT_GT(edges.p(), 1e-3);
  EXPECT_GT(operations.p(), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Spaces, MutationDistribution,
                         testing::Values("hierarchical", "flat", "3x3,2x4,1x6"));

TEST(ChiSquare, NoticesABias) {
  const std::array<double, 2> expected = {draws / 2.0, draws / 2.0};
  const std::array<double, 2> observed = {draws * 0.51, draws * 0.49};
  EXPECT_LT(test::chi_square_p(observed, expected), 1e-6);
}

TEST(Mutation, ChangesOneEdgeAndNothingElse) {
  const SearchSpace space = SearchSpace::hierarchical();
  core::RandomStream random(7);
  Genotype genotype = random_genotype(space, random);
  int unchanged = 0;
  for (int n = 0; n < 2000; ++n) {
    const Genotype before = genotype;
    const Mutation mutation = draw_mutation(space, random);
    apply(mutation, genotype);
    int differences = 0;
    for (std::size_t g = 0; g < space.genes(); ++g) {
      differences += before.genes()[g] != genotype.genes()[g] ? 1 : 0;
    }
    ASSERT_LE(differences, 1);
    unchanged += differences == 0 ? 1 : 0;
    ASSERT_EQ(genotype.motif(mutation.level,
                             mutation.motif)[edge_index(mutation.successor, mutation.predecessor)],
              mutation.operation);
  }
  EXPECT_NEAR(unchanged / 2000.0, 1.0 / 7.0, 0.03);  // the operation may equal the present one
}

TEST(TrivialGenotype, PassesItsInputOn) {
  const CellGraph flat = assemble(trivial_genotype(SearchSpace::flat()));
  ASSERT_EQ(flat.nodes.size(), 1u);
  EXPECT_EQ(flat.output, 0);
  const CellGraph cell = assemble(trivial_genotype(SearchSpace::hierarchical()));
  ASSERT_EQ(cell.nodes.size(), 5u);  // the input and the 1×1 convolution behind each of 4 motifs
  for (std::size_t i = 1; i < cell.nodes.size(); ++i) {
    EXPECT_EQ(cell.nodes[i].kind, CellNodeKind::conv1x1);
  }
}

TEST(RandomGenotype, DependsOnTheSeedAlone) {
  const SearchSpace space = SearchSpace::hierarchical();
  core::RandomStream a(5);
  core::RandomStream b(5);
  core::RandomStream c(6);
  const Genotype first = random_genotype(space, a);
  EXPECT_EQ(first, random_genotype(space, b));
  EXPECT_NE(first, random_genotype(space, c));
}

}  // namespace
}  // namespace hierevo::genome
