// The numbers behind the charts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "ancestry.hpp"
#include "hierevo/report/run_charts.hpp"
#include "kinds.hpp"
#include "searches.hpp"

namespace hierevo::report {
namespace {

using evolution::Individual;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const Chart& chart_of(const std::vector<Chart>& charts, const std::string& id) {
  return *std::ranges::find(charts, id, &Chart::id);
}

TEST(Charts, AParetoFrontHasWhatNothingElseDominates) {
  core::RandomStream random(1);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const std::size_t count = random.below(30);
    std::vector<double> x;
    std::vector<double> y;
    for (std::size_t i = 0; i < count; ++i) {
      x.push_back(static_cast<double>(random.below(10)));
      y.push_back(static_cast<double>(random.below(10)));
    }
    std::set<std::pair<double, double>> expected;
    for (std::size_t i = 0; i < count; ++i) {
      bool dominated = false;
      for (std::size_t k = 0; k < count; ++k) {
        const bool better = x[k] < x[i] || y[k] > y[i];
        dominated = dominated || (x[k] <= x[i] && y[k] >= y[i] && better);
      }
      if (!dominated) expected.emplace(x[i], y[i]);
    }
    std::set<std::pair<double, double>> front;
    for (const std::size_t i : pareto_front(x, y)) {
      EXPECT_TRUE(front.emplace(x[i], y[i]).second);
    }
    EXPECT_EQ(front, expected);
  }
}

TEST(Charts, FitnessAndBestSoFarAreThoseOfTheHistory) {
  const RunData run = test::made_up_run("hierarchical", 300, 2);
  const auto charts = search_charts(run, "");
  const Chart& chart = chart_of(charts, "fitness");
  ASSERT_THAT(chart.series, SizeIs(4));
  std::size_t points = 0;
  for (const Series& series : {chart.series[0], chart.series[1]}) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      const Individual& one = run.history().at(static_cast<std::size_t>(series.x[i]) - 1);
      EXPECT_EQ(series.y[i], one.evaluation.fitness);
      EXPECT_EQ(series.individual[i], number(one.candidate.id));
      EXPECT_EQ(one.candidate.parent.has_value(),
                &series != &chart.series[0] && series.label == "mutated from a parent");
    }
    points += series.x.size();
  }
  const auto failed = std::ranges::count_if(run.history(), [](const Individual& one) {
    return evolution::is_failure(one.evaluation.status);
  });
  ASSERT_GT(failed, 0);
  EXPECT_EQ(points, run.history().size() - static_cast<std::size_t>(failed));
  const Series& best = chart.series[2];
  EXPECT_TRUE(std::ranges::is_sorted(best.y));
  EXPECT_EQ(best.y.back(), run.best()->evaluation.fitness);
  EXPECT_EQ(best.x.back(), 300.0);
  EXPECT_EQ(chart.series[3].individual.back(), number(run.best()->candidate.id));
  EXPECT_FALSE(
      run.history().at(static_cast<std::size_t>(chart.series[3].x.front()) - 1).candidate.parent);
}

TEST(Charts, CandidatesAtTheSameTimeAddUpToTheTimeOfAll) {
  const RunData run = test::made_up_run("1x4", 500, 3);
  const auto charts = search_charts(run, "");
  const Series& busy = chart_of(charts, "busy").series.at(0);
  double minutes = 0.0;
  for (std::size_t i = 0; i + 1 < busy.x.size(); ++i) {
    minutes += (busy.x[i + 1] - busy.x[i]) * busy.y[i];
  }
  double expected = 0.0;
  for (const Individual& one : run.history()) expected += one.evaluation.seconds;
  EXPECT_NEAR(minutes * 60.0, expected, 1e-6 * expected);

  const Chart& pace = chart_of(charts, "pace");
  double evaluations = 0.0;
  for (const Series& series : pace.series) {
    for (std::size_t i = 0; i + 1 < series.x.size(); ++i) {
      evaluations += (series.x[i + 1] - series.x[i]) / 60.0 * series.y[i];
    }
  }
  EXPECT_NEAR(evaluations, 500.0, 1e-6);
}

TEST(Charts, OfARunWithoutTimesOrIndividualsAreEmpty) {
  RunData run = test::made_up_run("1x4", 20, 4);
  for (Individual& one : run.search.state.history) one.evaluation.finished_at.reset();
  const auto charts = search_charts(run, "p-");
  EXPECT_TRUE(chart_of(charts, "p-busy").empty());
  EXPECT_TRUE(chart_of(charts, "p-pace").empty());
  EXPECT_FALSE(chart_of(charts, "p-fitness").empty());
  run.search.state.history.clear();
  for (const Chart& chart : search_charts(run, "")) EXPECT_TRUE(chart.empty()) << chart.id;
}

TEST(Charts, OfSeveralRunsHaveMeanAndDeviationOfEachKind) {
  std::vector<RunData> runs;
  for (const std::uint64_t seed : {1, 2, 3}) {
    runs.push_back(test::made_up_run("1x4", 40 + 10 * seed, seed));
    runs.back().name = "run " + std::to_string(seed);
  }
  runs.push_back(test::made_up_run("1x5", 30, 4));
  EXPECT_THAT(comparison_charts({runs.front()}), IsEmpty());
  const auto charts = comparison_charts(runs);
  ASSERT_THAT(charts, SizeIs(2));
  EXPECT_THAT(charts[0].series, SizeIs(4));
  ASSERT_THAT(charts[1].series, SizeIs(2));  // a single run has no deviation
  const Series& band = charts[1].series[0];
  const Series& mean = charts[1].series[1];
  EXPECT_EQ(mean.x.size(), 50U);  // of the shortest
  std::vector<double> last;
  for (std::size_t i = 0; i < 3; ++i) last.push_back(best_so_far(runs[i].history()).at(49));
  const double expected = std::accumulate(last.begin(), last.end(), 0.0) / 3.0;
  EXPECT_DOUBLE_EQ(mean.y.back(), expected);
  double squares = 0.0;
  for (const double value : last) squares += (value - expected) * (value - expected);
  const double deviation = std::sqrt(squares / 2.0);
  EXPECT_NEAR(band.y.back(), expected - deviation, 1e-12);
  EXPECT_NEAR(band.top.back(), std::min(1.0, expected + deviation), 1e-12);
}

std::vector<RunData> two_runs() {
  std::vector<RunData> runs = {test::made_up_run("1x4", 30, 1), test::made_up_run("1x4", 30, 2)};
  runs[0].data = runs[1].data = search::DataFacts{.fingerprint = 1, .name = "cifar10"};
  return runs;
}

std::vector<std::string> labels(const std::vector<Kind>& kinds) {
  std::vector<std::string> labels;
  for (const Kind& kind : kinds) labels.push_back(kind.label);
  return labels;
}

TEST(Charts, RunsOfOneKindDifferInNothingButTheSeed) {
  std::vector<RunData> runs = two_runs();
  EXPECT_THAT(labels(kinds_of(runs)), ElementsAre("evolution, 1x4"));
  runs[1].data->name = "a copy";
  EXPECT_THAT(labels(kinds_of(runs)), ElementsAre("evolution, 1x4"));
  runs[1].conditions = OptionValues{{"steps", "100"}};
  EXPECT_THAT(labels(kinds_of(runs)),
              UnorderedElementsAre("evolution, 1x4", "evolution, 1x4, steps 100"));
  EXPECT_THAT(comparison_charts(runs), SizeIs(1));  // without a mean
  runs[0].conditions = runs[1].conditions;
  EXPECT_THAT(labels(kinds_of(runs)), ElementsAre("evolution, 1x4"));
  EXPECT_THAT(comparison_charts(runs), SizeIs(2));
  runs[1].conditions.reset();  // not known
  EXPECT_THAT(kinds_of(runs), SizeIs(1));
  EXPECT_THAT(comparison_charts(runs), SizeIs(1));
}

TEST(Charts, KindsSayWhichDataTheyAreOf) {
  std::vector<RunData> runs = two_runs();
  runs[1].data = search::DataFacts{.fingerprint = 2, .name = "mnist"};
  EXPECT_THAT(labels(kinds_of(runs)),
              UnorderedElementsAre("evolution, 1x4, data cifar10", "evolution, 1x4, data mnist"));
  runs[1].data->name = "cifar10";
  EXPECT_THAT(labels(kinds_of(runs)),
              UnorderedElementsAre("evolution, 1x4, data cifar10 (0000000000000001)",
                                   "evolution, 1x4, data cifar10 (0000000000000002)"));
}

TEST(Charts, ABandEndsWhereFitnessesDo) {
  std::vector<RunData> runs = two_runs();
  const auto set_fitness = [&](double first, double second) {
    for (Individual& one : runs[0].search.state.history) one.evaluation.fitness = first;
    for (Individual& one : runs[1].search.state.history) one.evaluation.fitness = second;
    return comparison_charts(runs).at(1).series.at(0);
  };
  const Series shares = set_fitness(0.0, 1.0);  // 0.5 ± 0.71
  EXPECT_EQ(shares.y.back(), 0.0);
  EXPECT_EQ(shares.top.back(), 1.0);
  EXPECT_GT(set_fitness(0.0, 10.0).top.back(), 10.0);
}

TEST(Charts, WithoutTrainingAFitnessIsNoAccuracy) {
  std::vector<RunData> runs = two_runs();
  const auto titles = [&] {
    const auto charts = search_charts(runs[0], "");
    return std::vector<std::string>{
        chart_of(charts, "fitness").y.title, chart_of(charts, "accuracy-macs").y.title,
        chart_of(charts, "accuracy-macs").title, comparison_charts(runs).front().y.title};
  };
  EXPECT_THAT(titles(), ElementsAre("Validation accuracy", "Validation accuracy",
                                    "Accuracy against MACs", "Best validation accuracy so far"));
  runs[0].options = {{"evaluator", "synthetic"}};
  EXPECT_THAT(titles(),
              ElementsAre("Fitness", "Fitness", "Fitness against MACs", "Best fitness so far"));
}

TEST(Charts, SayOneAndSeveral) {
  RunData run = test::made_up_run("1x4", 30, 6);
  const auto summary = [&] { return chart_of(search_charts(run, ""), "accuracy-macs").summary; };
  EXPECT_THAT(summary(), HasSubstr(" of them have a higher accuracy than all that cost no more."));
  auto& history = run.search.state.history;
  history.erase(history.begin() + 1, history.end());
  EXPECT_EQ(summary(),
            "Validation accuracy against MACs of 1 network; 1 of them has a higher accuracy than "
            "all that cost no more.");
}

TEST(Charts, ARandomGenotypeHasNoAncestorsToDraw) {
  RunData run = test::made_up_run("1x4", 30, 6);
  run.search.state.history.front().evaluation.fitness = 2.0;
  const auto charts = search_charts(run, "");
  for (const Series& series : chart_of(charts, "fitness").series) {
    EXPECT_THAT(series.label, Not(HasSubstr("ancestors")));
  }
}

TEST(Charts, HaveTheSmallestNumbersAndNoneTooLargeForAnAxis) {
  const double smallest = std::numeric_limits<double>::denorm_min();
  const double largest = std::numeric_limits<double>::max();
  const Chart chart{
      .id = "x",
      .title = "",
      .summary = "",
      .x = {"x"},
      .y = {"y"},
      .series = {{.label = "a", .x = {1, 2, 3, 4}, .y = {smallest, -smallest, 1e300, largest}}}};
  const auto y = to_json(chart)["series"][0]["y"];
  EXPECT_EQ(y[0], smallest);
  EXPECT_EQ(y[1], -smallest);
  EXPECT_EQ(y[2], 1e300);
  EXPECT_TRUE(y[3].is_null());
}

TEST(Charts, ACsvFileHasEveryPoint) {
  const Chart chart{
      .id = "x",
      .title = "",
      .summary = "",
      .x = {"step, in all"},
      .y = {"y"},
      .series = {{.label = "a \"b\"", .x = {1, 2}, .y = {0.1, 0.25}, .individual = {7, 8}},
                 {.label = "band", .marks = Marks::band, .x = {3}, .y = {1}, .top = {2}}}};
  EXPECT_EQ(to_csv(chart),
            "series,\"step, in all\",y,top,individual\n"
            "\"a \"\"b\"\"\",1,0.1,,7\n\"a \"\"b\"\"\",2,0.25,,8\nband,3,1,2,\n");
  EXPECT_EQ(csv_field("a\x1b[2J\nb, c"), "\"a\\x1b[2J\\nb, c\"");
  const auto json = to_json(chart);
  EXPECT_EQ(json["series"][0]["y"][1], 0.25);
  EXPECT_EQ(json["series"][1]["marks"], "band");
}

TEST(Ancestry, ChangesLeadFromParentToChild) {
  for (const char* space : {"hierarchical", "flat", "3x3,2x3,1x4"}) {
    const RunData run = test::made_up_run(space, 200, 5);
    const auto& history = run.history();
    for (std::size_t position = 0; position < history.size(); ++position) {
      const auto line = ancestry(history, position);
      EXPECT_FALSE(line.front().individual->candidate.parent);
      EXPECT_EQ(line.back().individual, &history[position]);
      for (std::size_t i = 1; i < line.size(); ++i) {
        EXPECT_EQ(line[i].individual->candidate.parent, line[i - 1].individual->candidate.id);
        EXPECT_LT(line[i - 1].step, line[i].step);
        EXPECT_LE(line[i].changes.size(), 1U);  // a mutation redraws one edge
        const bool same =
            line[i].individual->candidate.genotype == line[i - 1].individual->candidate.genotype;
        EXPECT_EQ(line[i].changes.empty(), same);
      }
    }
  }
}

TEST(Ancestry, AChangedEdgeIsNamedAsPeopleCountThem) {
  const auto space = genome::SearchSpace::parse("hierarchical");
  genome::Genotype before(space);
  genome::Genotype after = before;
  after.set_edge(2, 4, 3, 1, 3);
  auto changes = differences(before, after);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].level, 2);
  EXPECT_EQ(changes[0].motif, 5);
  EXPECT_EQ(changes[0].from, 2);
  EXPECT_EQ(changes[0].to, 4);
  EXPECT_EQ(changes[0].before, "none");
  EXPECT_EQ(changes[0].after, "separable 3×3");
  before = after;
  after.set_edge(3, 0, 4, 0, 6);
  changes = differences(before, after);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].after, "motif 6");
}

}  // namespace
}  // namespace hierevo::report
