#include "hierevo/evolution/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

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
/// separable convolutions. Its latency grows with the edges there are.
Evaluation judge(const Candidate& candidate) {
  double hits = 0.0;
  Evaluation evaluation;
  for (const genome::Gene gene : candidate.genotype.genes()) {
    hits += gene == 3 ? 1.0 : 0.0;
    evaluation.metrics["latency"] += gene == genome::no_edge ? 0.0 : 1.0;
  }
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

struct Kind {
  Algorithm algorithm;
  const char* objectives = "fitness";
};

EngineOptions small_search(const Kind& kind) {
  EngineOptions options = small_search(kind.algorithm);
  options.objectives = objectives_of(kind.objectives);
  return options;
}

class EveryAlgorithm : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Algorithms, EveryAlgorithm,
                         testing::Values(Kind{Algorithm::evolution}, Kind{Algorithm::aging},
                                         Kind{Algorithm::random},
                                         Kind{Algorithm::evolution, "fitness,-latency"},
                                         Kind{Algorithm::aging, "fitness,-latency"},
                                         Kind{Algorithm::evolution, "-latency"}),
                         [](const auto& test) {
                           std::string text(test.param.objectives);
                           std::erase_if(text, [](char one) { return one == ',' || one == '-'; });
                           return std::string(name(test.param.algorithm)) + "_" + text;
                         });

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

TEST(EngineObjectives, ThatCannotBeAreRefused) {
  EngineOptions options;
  for (const Objectives& objectives : {Objectives{}, Objectives{{"fitness"}, {"fitness", true}}}) {
    options.objectives = objectives;
    EXPECT_THROW(Engine{options}, core::FieldError);
  }
}

/// Its parameters may be the fewest of all: it was not evaluated.
TEST(EngineObjectives, WhatWasNotEvaluatedIsNeverOnTheFrontAndRarelyAParent) {
  EngineOptions options = small_search(Kind{Algorithm::evolution, "fitness,-parameters"});
  options.evaluations = 300;
  Engine engine(options);
  std::set<IndividualId> not_evaluated;
  std::size_t children = 0;
  while (const auto candidate = engine.ask()) {
    Evaluation evaluation = judge(*candidate);
    evaluation.parameters = 1000 + static_cast<std::int64_t>(number(candidate->id) % 50);
    if (number(candidate->id) % 3 == 0) {
      evaluation = {};
      evaluation.status = number(candidate->id) % 2 == 0 ? Status::invalid : Status::over_budget;
      not_evaluated.insert(candidate->id);
    }
    if (candidate->parent && not_evaluated.contains(*candidate->parent)) ++children;
    engine.tell(candidate->id, evaluation);
  }
  // A tournament has a fifth of them: all of its members are such by chance of 3^-10 or so.
  EXPECT_LE(children, 3U);
  EXPECT_FALSE(pareto_front(engine.history(), engine.options().objectives).empty());
  for (const Individual* one : pareto_front(engine.history(), engine.options().objectives)) {
    EXPECT_FALSE(not_evaluated.contains(one->candidate.id));
  }
}

/// A trade-off: operations that give more fitness cost more, and not in proportion.
Evaluation trade_off(const Candidate& candidate) {
  constexpr std::array fitness = {0.0, 0.6, 0.2, 1.0, 0.1, 0.1, 0.3};
  constexpr std::array<std::int64_t, 7> cost = {0, 40, 20, 100, 30, 30, 10};
  Evaluation evaluation;
  const auto genes = candidate.genotype.genes();
  for (const genome::Gene gene : genes) {
    evaluation.fitness += fitness.at(gene) / static_cast<double>(genes.size());
    evaluation.parameters += cost.at(gene);
  }
  return evaluation;
}

/// The share of all that is possible that the front dominates.
double hypervolume(const Engine& engine) {
  const double most = 100.0 * static_cast<double>(engine.options().space.genes());
  double volume = 0.0;
  double fitness_before = 0.0;
  auto front = pareto_front(engine.history(), objectives_of("fitness,-parameters"));
  std::reverse(front.begin(), front.end());  // from the least fitness on
  for (const Individual* one : front) {
    const auto& [fitness, parameters] =
        std::pair(one->evaluation.fitness, static_cast<double>(one->evaluation.parameters));
    volume += (fitness - fitness_before) * (most - parameters) / most;
    fitness_before = fitness;
  }
  return volume;
}

std::vector<double> hypervolumes(Kind kind) {
  std::vector<double> volumes;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    EngineOptions options = small_search(kind);
    options.space = genome::SearchSpace::flat();
    options.population = 40;
    options.evaluations = 2000;
    options.seed = seed;
    Engine engine(options);
    while (const auto candidate = engine.ask()) engine.tell(candidate->id, trade_off(*candidate));
    volumes.push_back(hypervolume(engine));
  }
  return volumes;
}

/// Welch's t: how many standard errors the means are apart.
double standard_errors_apart(const std::vector<double>& a, const std::vector<double>& b) {
  const auto moments = [](const std::vector<double>& values) {
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    double squares = 0.0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const auto n = static_cast<double>(values.size());
    return std::pair(mean, squares / (n - 1.0) / n);
  };
  const auto [mean_a, variance_a] = moments(a);
  const auto [mean_b, variance_b] = moments(b);
  return (mean_a - mean_b) / std::sqrt(variance_a + variance_b);
}

TEST(EngineObjectives, TheFrontOfEvolutionDominatesThatOfRandomSearch) {
  const auto both = hypervolumes({Algorithm::evolution, "fitness,-parameters"});
  EXPECT_GT(standard_errors_apart(both, hypervolumes({Algorithm::random})), 5.0);
  // And that of evolution for one of them alone.
  EXPECT_GT(standard_errors_apart(both, hypervolumes({Algorithm::evolution})), 5.0);
  const auto aging = hypervolumes({Algorithm::aging, "fitness,-parameters"});
  EXPECT_GT(standard_errors_apart(aging, hypervolumes({Algorithm::random})), 5.0);
}

}  // namespace
}  // namespace hierevo::evolution
