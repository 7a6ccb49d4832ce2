#include "screening.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "genome/published_cell.hpp"

namespace hierevo::search {
namespace {

using evolution::Status;

evolution::Candidate candidate(genome::Genotype genotype) {
  return {evolution::IndividualId{1}, std::nullopt, 1, std::move(genotype)};
}

TEST(Screening, KnowsTheCostBeforeAnybodyTrains) {
  const Screening screening{SearchOptions{}, {}};
  const auto facts = screening.look_at(candidate(genome::published_cell()));
  EXPECT_FALSE(facts.decided);
  EXPECT_EQ(facts.evaluation.parameters, 542'138);
  EXPECT_GT(facts.evaluation.macs, 0);
  EXPECT_NE(facts.evaluation.phenotype, 0u);
}

TEST(Screening, DecidesInvalidCells) {
  const Screening screening{SearchOptions{}, {}};
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
      Screening(options, options.model).look_at(candidate(genome::published_cell())).decided);
  options.max_parameters = 542'137;
  const auto facts = Screening(options, options.model).look_at(candidate(genome::published_cell()));
  EXPECT_TRUE(facts.decided);
  EXPECT_EQ(facts.evaluation.status, Status::over_budget);
  EXPECT_EQ(facts.evaluation.fitness, 0.0);
  EXPECT_EQ(facts.evaluation.reason, "542138 parameters, more than 542137");
}

TEST(Screening, HoldsTheBoundOfMacs) {
  SearchOptions options;
  const auto free = Screening(options, options.model).look_at(candidate(genome::published_cell()));
  options.max_macs = free.evaluation.macs;
  EXPECT_FALSE(
      Screening(options, options.model).look_at(candidate(genome::published_cell())).decided);
  --*options.max_macs;
  const auto facts = Screening(options, options.model).look_at(candidate(genome::published_cell()));
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
  options.memory = TrainingMemory{.bytes = 64e9, .batch = 256, .image_size = 24};
  const Screening screening(options, options.model);
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

TEST(Screening, NeedsTheMemoryOfTheBatchAndTheImages) {
  const auto fits = [](std::int64_t batch, int image_size) {
    SearchOptions options;
    options.memory = TrainingMemory{.bytes = 2e9, .batch = batch, .image_size = image_size};
    return !Screening(options, options.model).look_at(candidate(genome::published_cell())).decided;
  };
  EXPECT_TRUE(fits(64, 24));
  EXPECT_FALSE(fits(1024, 24));
  EXPECT_FALSE(fits(64, 96));
}

TEST(Screening, ReusesTheFitnessOfAnEqualPhenotypeOnlyWhenAsked) {
  for (const bool reuse : {false, true}) {
    SearchOptions options;
    options.reuse_fitness = reuse;
    Screening screening(options, options.model);
    auto evaluation = screening.look_at(candidate(genome::published_cell())).evaluation;
    evaluation.status = Status::evaluated;
    evaluation.fitness = 0.7;
    screening.remember(evaluation);
    genome::Genotype twin = genome::published_cell();
    twin.set_edge(2, 1, 1, 0, genome::no_edge);  // a motif that the cell does not use
    const auto facts = screening.look_at(candidate(twin));
    EXPECT_EQ(facts.decided, reuse);
    EXPECT_EQ(facts.evaluation.fitness, reuse ? 0.7 : 0.0);
    EXPECT_EQ(facts.evaluation.status == Status::reused, reuse);
  }
}

}  // namespace
}  // namespace hierevo::search
