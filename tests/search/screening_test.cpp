#include "screening.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "genome/published_cell.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/mutation.hpp"

namespace hierevo::search {
namespace {

using evolution::Status;

evolution::Candidate candidate(genome::Genotype genotype) {
  return {evolution::IndividualId{1}, std::nullopt, 1, std::move(genotype)};
}

TEST(Screening, KnowsTheCostBeforeAnybodyTrains) {
  const Screening screening(SearchOptions{}, std::nullopt);
  const auto facts = screening.look_at(candidate(genome::published_cell()));
  EXPECT_FALSE(facts.decided);
  EXPECT_EQ(facts.evaluation.parameters, 542'138);
  EXPECT_GT(facts.evaluation.macs, 0);
  EXPECT_NE(facts.evaluation.phenotype, 0u);
}

TEST(Screening, DecidesInvalidCells) {
  const Screening screening(SearchOptions{}, std::nullopt);
  const auto facts =
      screening.look_at(candidate(genome::Genotype(genome::SearchSpace::hierarchical())));
  EXPECT_TRUE(facts.decided);
  EXPECT_EQ(facts.evaluation.status, Status::invalid);
  EXPECT_EQ(facts.evaluation.fitness, 0.0);
}

TEST(Screening, HoldsTheBoundOfParameters) {
  SearchOptions options;
  options.max_parameters = 542'138;
  EXPECT_FALSE(
      Screening(options, std::nullopt).look_at(candidate(genome::published_cell())).decided);
  options.max_parameters = 542'137;
  const auto facts = Screening(options, std::nullopt).look_at(candidate(genome::published_cell()));
  EXPECT_TRUE(facts.decided);
  EXPECT_EQ(facts.evaluation.status, Status::over_budget);
  EXPECT_EQ(facts.evaluation.fitness, 0.0);
  EXPECT_EQ(facts.evaluation.reason, "542138 parameters, more than 542137");
}

TEST(Screening, HoldsTheBoundOfMacs) {
  SearchOptions options;
  const auto free = Screening(options, std::nullopt).look_at(candidate(genome::published_cell()));
  options.max_macs = free.evaluation.macs;
  EXPECT_FALSE(
      Screening(options, std::nullopt).look_at(candidate(genome::published_cell())).decided);
  --*options.max_macs;
  const auto facts = Screening(options, std::nullopt).look_at(candidate(genome::published_cell()));
  EXPECT_EQ(facts.evaluation.status, Status::over_budget);
  EXPECT_NE(facts.evaluation.reason.find("multiply-accumulates"), std::string::npos);
}

/// A flat cell in which every node reads all before it: the width doubles with every node.
genome::Genotype doubling(int nodes) {
  genome::Genotype cell(genome::SearchSpace({{1, nodes}}));
  for (int i = 1; i < nodes; ++i) {
    for (int j = 0; j < i; ++j) cell.set_edge(2, 0, i, j, 6);  // identity
  }
  return cell;
}

TEST(Screening, RefusesWhatTheMemoryDoesNotHold) {
  SearchOptions options;
  options.memory = TrainingMemory{.bytes = 64e9, .batch = 256, .crop = 24};
  const Screening screening(options, std::nullopt);
  EXPECT_FALSE(screening.look_at(candidate(genome::published_cell())).decided);
  EXPECT_FALSE(screening.look_at(candidate(doubling(8))).decided);
  for (const int nodes : {20, 32}) {  // millions of channels, and more than 64 bits count
    const auto facts = screening.look_at(candidate(doubling(nodes)));
    EXPECT_TRUE(facts.decided);
    EXPECT_EQ(facts.evaluation.status, Status::over_budget);
    EXPECT_EQ(facts.evaluation.fitness, 0.0);
    EXPECT_THAT(facts.evaluation.reason, testing::StartsWith("a training needs "));
    EXPECT_THAT(facts.evaluation.reason, testing::EndsWith("of memory, more than 64 GB"));
  }
}

TEST(Screening, TakesTheMemoryOfTheEvaluatorsWhereNoneIsGiven) {
  const auto decided = [](std::optional<double> bytes, std::int64_t of_evaluator) {
    SearchOptions options;
    options.memory = TrainingMemory{.bytes = bytes, .batch = 256, .crop = 24};
    const Screening screening(options, std::nullopt, of_evaluator);
    return screening.look_at(candidate(genome::published_cell())).decided;
  };
  const SearchOptions options;
  const double needed =
      training_bytes(make_plan(genome::assemble(genome::published_cell()), options.model), 24, 256);
  const auto least = static_cast<std::int64_t>(needed) + 1;
  EXPECT_FALSE(decided({}, least));
  EXPECT_TRUE(decided({}, least - 2));
  EXPECT_FALSE(decided({}, 0));
  EXPECT_FALSE(decided(needed, 1));
  EXPECT_TRUE(decided(needed - 1.0, least));
}

// Cells of the paper's flat space as a search begins with them.
TEST(Screening, RefusesTheFlatCellsOfWhichATrainingNeedsMore) {
  constexpr double bytes = 16e9;
  SearchOptions options;
  options.memory = TrainingMemory{.bytes = bytes, .batch = 256, .crop = 24};
  const Screening screening(options, std::nullopt);
  const auto space = genome::SearchSpace::flat();
  int refused = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    core::RandomStream random(1, i, "screening");
    const genome::Genotype cell = genome::random_genotype(space, random);
    const auto plan = make_plan(genome::assemble(cell), options.model);
    const bool too_much = training_bytes(plan, 24, 256) > bytes;
    const auto facts = screening.look_at(candidate(cell));
    ASSERT_EQ(facts.evaluation.status == Status::over_budget, too_much) << "cell " << i;
    ASSERT_EQ(facts.decided, too_much);
    refused += too_much ? 1 : 0;
  }
  EXPECT_GT(refused, 10);  // about one in 23
  EXPECT_LT(refused, 100);
}

TEST(Screening, NeedsTheMemoryOfTheBatchAndTheImages) {
  const auto fits = [](std::int64_t batch, std::optional<int> crop, int image_size) {
    SearchOptions options;
    options.memory = TrainingMemory{.bytes = 2e9, .batch = batch, .crop = crop};
    return !Screening(options, DataFacts{.image_size = image_size})
                .look_at(candidate(genome::published_cell()))
                .decided;
  };
  EXPECT_TRUE(fits(64, 24, 96));
  EXPECT_FALSE(fits(1024, 24, 96));
  EXPECT_TRUE(fits(64, std::nullopt, 24));  // whole images
  EXPECT_FALSE(fits(64, std::nullopt, 96));
}

TEST(Screening, ReusesTheFitnessOfAnEqualPhenotypeOnlyWhenAsked) {
  for (const bool reuse : {false, true}) {
    SearchOptions options;
    options.reuse_fitness = reuse;
    Screening screening(options, std::nullopt);
    auto evaluation = screening.look_at(candidate(genome::published_cell())).evaluation;
    evaluation.status = Status::evaluated;
    evaluation.fitness = 0.7;
    evaluation.metrics = {{"latency", 0.5}};
    screening.remember(evaluation);
    genome::Genotype twin = genome::published_cell();
    twin.set_edge(2, 1, 1, 0, genome::no_edge);  // a motif that the cell does not use
    const auto facts = screening.look_at(candidate(twin));
    EXPECT_EQ(facts.decided, reuse);
    EXPECT_EQ(facts.evaluation.fitness, reuse ? 0.7 : 0.0);
    EXPECT_EQ(facts.evaluation.metrics, reuse ? evaluation.metrics : evolution::Metrics{});
    EXPECT_EQ(facts.evaluation.status == Status::reused, reuse);
  }
}

}  // namespace
}  // namespace hierevo::search
