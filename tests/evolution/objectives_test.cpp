#include "hierevo/evolution/objectives.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/evolution/pareto.hpp"

namespace hierevo::evolution {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Evaluation evaluation_with(double fitness, std::int64_t parameters, Metrics metrics = {}) {
  Evaluation evaluation;
  evaluation.fitness = fitness;
  evaluation.parameters = parameters;
  evaluation.macs = 10 * parameters;
  evaluation.metrics = std::move(metrics);
  return evaluation;
}

Individual individual_with(std::uint64_t id, Evaluation evaluation) {
  return {{IndividualId{id}, std::nullopt, 0, genome::Genotype(genome::SearchSpace::parse("1x2"))},
          std::move(evaluation)};
}

TEST(Objectives, AreReadAndWritten) {
  for (const char* text : {"fitness", "fitness,-parameters", "-macs,task-2/top1,fitness",
                           "-latency", "a,b,c,d,e,f,g,h"}) {
    EXPECT_EQ(text_of(objectives_of(text)), text);
  }
  EXPECT_EQ(text_of(objectives_of(" fitness , -parameters ")), "fitness,-parameters");
  EXPECT_TRUE(is_fitness_alone(objectives_of("fitness")));
  for (const char* text : {"-fitness", "fitness,-parameters", "latency"}) {
    EXPECT_FALSE(is_fitness_alone(objectives_of(text))) << text;
  }
}

TEST(Objectives, ThatCannotBeAreRefused) {
  const auto refusal = [](const char* text) -> std::string {
    try {
      return "accepted: " + text_of(objectives_of(text));
    } catch (const core::FieldError& error) {
      EXPECT_EQ(error.field(), "objectives");
      return error.what();
    }
  };
  for (const char* text : {"", "fitness,", ",fitness", "fitness,,macs", "-", "--macs", "2nd",
                           "fit ness", "fitness;macs", "\x1b[2J"}) {
    EXPECT_THAT(refusal(text), HasSubstr("is no name of an objective)")) << text;
  }
  EXPECT_THAT(refusal("\x1b[2J"), HasSubstr("'\\x1b[2J'"));
  EXPECT_THAT(refusal("fitness,-fitness"), HasSubstr("('fitness' is there twice). Name it once."));
  EXPECT_THAT(refusal("a,b,c,d,e,f,g,h,i"), HasSubstr("Give 8 at most."));
}

TEST(Objectives, HaveTheValuesOfTheEvaluation) {
  const Objectives objectives = objectives_of("fitness,-parameters,-latency,macs");
  const auto evaluation = evaluation_with(0.5, 7, {{"latency", 2.5}, {"memory", 1.0}});
  EXPECT_THAT(values_of(objectives, evaluation), ElementsAre(0.5, 7.0, 2.5, 70.0));
  EXPECT_THAT(scores_of(objectives, evaluation), ElementsAre(0.5, -7.0, -2.5, 70.0));
  EXPECT_EQ(missing_objective(objectives, evaluation), "");
}

TEST(Objectives, AreNoneWithoutAnEvaluationOrAMetric) {
  const Objectives objectives = objectives_of("-parameters,-latency");
  auto evaluation = evaluation_with(0.5, 7, {{"latency", 2.5}});
  for (int status = 0; status < status_count; ++status) {
    evaluation.status = static_cast<Status>(status);
    EXPECT_EQ(scores_of(objectives, evaluation).empty(), !has_fitness(evaluation.status));
  }
  evaluation.metrics.clear();
  EXPECT_EQ(missing_objective(objectives, evaluation), "");  // it failed
  evaluation.status = Status::evaluated;
  EXPECT_THAT(scores_of(objectives, evaluation), IsEmpty());
  EXPECT_EQ(missing_objective(objectives, evaluation), "latency");
}

TEST(ParetoFront, HasThoseThatNothingDominates) {
  const Objectives objectives = objectives_of("fitness,-parameters");
  core::RandomStream random(9);
  for (int round = 0; round < 40; ++round) {
    std::vector<Individual> history;
    for (std::uint64_t id = 1; id <= 60; ++id) {
      auto evaluation = evaluation_with(0.1 * double(random.below(9)),
                                        static_cast<std::int64_t>(1 + random.below(9)));
      evaluation.status = static_cast<Status>(random.below(status_count));
      history.push_back(individual_with(id, evaluation));
    }
    std::set<const Individual*> expected;
    for (const Individual& one : history) {
      const auto own = scores_of(objectives, one.evaluation);
      bool dominated = own.empty();
      for (const Individual& other : history) {
        const auto theirs = scores_of(objectives, other.evaluation);
        if (own.empty() || theirs.empty()) continue;
        dominated = dominated || dominates(theirs, own) || (theirs == own && &other < &one);
      }
      if (!dominated) expected.insert(&one);
    }
    const auto front = pareto_front(history, objectives);
    EXPECT_EQ(std::set<const Individual*>(front.begin(), front.end()), expected);
    for (std::size_t i = 1; i < front.size(); ++i) {
      EXPECT_GT(front[i - 1]->evaluation.fitness, front[i]->evaluation.fitness);
    }
    const auto best = pareto_front(history, objectives_of("fitness"));
    ASSERT_EQ(best.size(), best_of(history) == nullptr ? 0U : 1U);
    if (!best.empty()) {
      EXPECT_EQ(best.front(), best_of(history));
    }
  }
}

TEST(ParetoFront, IsShownFromEndToEnd) {
  std::vector<Individual> history(11, individual_with(1, {}));
  std::vector<const Individual*> front;
  for (const Individual& one : history) front.push_back(&one);
  EXPECT_EQ(spread_over(front, 11), front);
  EXPECT_THAT(spread_over(front, 3), ElementsAre(&history[0], &history[5], &history[10]));
  EXPECT_THAT(spread_over(front, 2), ElementsAre(&history[0], &history[10]));
  EXPECT_THAT(spread_over({}, 2), IsEmpty());
}

TEST(Objectives, HaveTextsForPeople) {
  EXPECT_EQ(value_text({"fitness"}, 0.93125), "0.9313");
  EXPECT_EQ(value_text({"parameters", true}, 1234567), "1,234,567");
  EXPECT_EQ(value_text({"latency", true}, 0.001234), "0.001234");
  Evaluation evaluation;
  evaluation.fitness = 0.93125;
  evaluation.parameters = 1234567;
  EXPECT_EQ(value_texts(objectives_of("fitness,-parameters"), evaluation),
            (std::vector<std::string>{"0.9313", "1,234,567"}));
}

}  // namespace
}  // namespace hierevo::evolution
