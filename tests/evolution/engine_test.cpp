#include "hierevo/evolution/engine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <set>

#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::evolution {
namespace {

EngineOptions small_search(Algorithm algorithm) {
  EngineOptions options;
  options.algorithm = algorithm;
  options.population = 10;
  options.evaluations = 120;
  options.tournament = 0.2;
  options.seed = 42;
  return options;
}

/// A fitness that depends on the genotype alone and can be climbed: the share of edges that are
/// separable convolutions.
Evaluation judge(const Candidate& candidate) {
  double hits = 0.0;
  for (const genome::Gene gene : candidate.genotype.genes()) hits += gene == 3 ? 1.0 : 0.0;
  Evaluation evaluation;
  evaluation.fitness = hits / static_cast<double>(candidate.genotype.genes().size());
  return evaluation;
}

/// Runs `engine` to its end with `workers` candidates in flight, told in the order they were asked.
void run(Engine& engine, std::size_t workers) {
  std::deque<Candidate> busy;
  while (true) {
    while (busy.size() < workers) {
      auto candidate = engine.ask();
      if (!candidate) break;
      busy.push_back(std::move(*candidate));
    }
    if (busy.empty()) return;
    engine.tell(busy.front().id, judge(busy.front()));
    busy.pop_front();
  }
}

class EveryAlgorithm : public testing::TestWithParam<Algorithm> {};
INSTANTIATE_TEST_SUITE_P(Algorithms, EveryAlgorithm,
                         testing::Values(Algorithm::evolution, Algorithm::aging, Algorithm::random),
                         [](const auto& test) { return std::string(name(test.param)); });

TEST_P(EveryAlgorithm, AsksForExactlyTheEvaluationsWanted) {
  Engine engine(small_search(GetParam()));
  run(engine, 4);
  EXPECT_TRUE(engine.finished());
  EXPECT_FALSE(engine.ask().has_value());
  std::set<std::uint64_t> ids;
  for (const Individual& individual : engine.history()) ids.insert(number(individual.candidate.id));
  EXPECT_EQ(ids.size(), 120u);
  EXPECT_EQ(*ids.begin(), 1u);
  EXPECT_EQ(*ids.rbegin(), 120u);
}

TEST_P(EveryAlgorithm, SameSeedAndOrderGiveTheSameHistory) {
  Engine first(small_search(GetParam()));
  Engine second(small_search(GetParam()));
  run(first, 3);
  run(second, 3);
  EXPECT_EQ(first.history(), second.history());
  EngineOptions other = small_search(GetParam());
  other.seed = 43;
  Engine third(other);
  run(third, 3);
  EXPECT_NE(first.history(), third.history());
}

/// Stopped at any moment and rebuilt from its state, the search ends as if never stopped.
TEST_P(EveryAlgorithm, GoesOnFromItsStateAsIfNeverStopped) {
  Engine whole(small_search(GetParam()));
  run(whole, 1);
  for (const std::size_t stop_at : {0, 1, 9, 10, 11, 60, 119}) {
    Engine engine(small_search(GetParam()));
    while (engine.history().size() < stop_at) {
      const Candidate candidate = *engine.ask();
      engine.tell(candidate.id, judge(candidate));
    }
    const Candidate lost = *engine.ask();
    Engine resumed(small_search(GetParam()), engine.state());
    const Candidate again = *resumed.ask();
    ASSERT_EQ(again, lost);  // the same id, seed and genotype
    resumed.tell(again.id, judge(again));
    run(resumed, 1);
    ASSERT_EQ(resumed.history(), whole.history());
  }
}

TEST(Engine, StartsWithRandomGenotypesAndThenMutatesParents) {
  Engine engine(small_search(Algorithm::evolution));
  run(engine, 1);
  std::set<std::uint64_t> children;
  for (const auto& [candidate, evaluation] : engine.history()) {
    EXPECT_EQ(candidate.parent.has_value(), number(candidate.id) > 10);
    if (!candidate.parent) continue;
    const auto& parent = engine.history()[number(*candidate.parent) - 1].candidate;
    int differences = 0;
    for (std::size_t g = 0; g < candidate.genotype.genes().size(); ++g) {
      differences += candidate.genotype.genes()[g] != parent.genotype.genes()[g] ? 1 : 0;
    }
    EXPECT_LE(differences, 1);
  }
}

TEST(Engine, EvolutionFindsMoreThanRandomSearch) {
  Engine evolution(small_search(Algorithm::evolution));
  Engine random(small_search(Algorithm::random));
  run(evolution, 4);
  run(random, 4);
  EXPECT_GT(evolution.best()->evaluation.fitness, random.best()->evaluation.fitness);
  EXPECT_EQ(best_of(evolution.history()), evolution.best());
}

TEST(Engine, AgingBreedsOnlyFromTheNewest) {
  Engine engine(small_search(Algorithm::aging));
  run(engine, 1);
  for (const auto& [candidate, evaluation] : engine.history()) {
    if (candidate.parent) {
      EXPECT_LE(number(candidate.id) - number(*candidate.parent), 10u);
    }
  }
}

TEST(Engine, AFailureNeverBecomesAParentAndKeepsItsReason) {
  Engine engine(small_search(Algorithm::evolution));
  std::set<std::uint64_t> failed;
  while (const auto candidate = engine.ask()) {
    Evaluation evaluation = judge(*candidate);
    if (number(candidate->id) % 3 == 0) {
      evaluation = {};
      evaluation.status = Status::crashed;
      evaluation.fitness = 0.99;  // even if it had a fitness
      evaluation.reason = "signal 9";
      failed.insert(number(candidate->id));
    }
    if (candidate->parent) {
      ASSERT_FALSE(failed.contains(number(*candidate->parent)));
    }
    engine.tell(candidate->id, evaluation);
  }
  EXPECT_EQ(engine.failures(), failed.size());
  EXPECT_LT(engine.best()->evaluation.fitness, 0.99);
  EXPECT_EQ(engine.history()[2].evaluation.reason, "signal 9");
}

TEST(Engine, WithoutAnyParentAsksForRandomGenotypes) {
  EngineOptions options = small_search(Algorithm::evolution);
  options.population = 2;
  Engine engine(options);
  for (int n = 0; n < 20; ++n) EXPECT_FALSE(engine.ask()->parent.has_value());
}

TEST(Engine, RefusesWhatWasNotAskedFor) {
  Engine engine(small_search(Algorithm::evolution));
  EXPECT_THROW(engine.tell(IndividualId{1}, {}), core::InternalError);
  const Candidate candidate = *engine.ask();
  engine.tell(candidate.id, {});
  EXPECT_THROW(engine.tell(candidate.id, {}), core::InternalError);
}

TEST(Engine, RefusesOptionsOutOfRange) {
  EngineOptions options;
  options.population = 1;
  EXPECT_THROW(Engine{options}, core::UsageError);
  options = {};
  options.evaluations = 0;
  EXPECT_THROW(Engine{options}, core::UsageError);
  for (const double tournament : {0.0, -1.0, 1.5, std::nan("")}) {
    options = {};
    options.tournament = tournament;
    EXPECT_THROW(Engine{options}, core::UsageError);
  }
}

TEST(Engine, RefusesAStateThatContradictsItself) {
  Engine engine(small_search(Algorithm::evolution));
  const Candidate first = *engine.ask();
  engine.tell(first.id, judge(first));
  engine.ask();
  EngineState state = engine.state();
  state.in_flight.push_back(first);  // told and in flight
  EXPECT_THROW(Engine(small_search(Algorithm::evolution), state), core::CheckpointError);
  state = engine.state();
  state.in_flight[0].id = IndividualId{9};  // ids with a gap
  EXPECT_THROW(Engine(small_search(Algorithm::evolution), state), core::CheckpointError);
  EngineOptions flat = small_search(Algorithm::evolution);
  flat.space = genome::SearchSpace::flat();
  EXPECT_THROW(Engine(flat, engine.state()), core::CheckpointError);
}

}  // namespace
}  // namespace hierevo::evolution
