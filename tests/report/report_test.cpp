// The page as a whole.
#include "hierevo/report/report.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "hierevo/evolution/objectives.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/report/graphviz.hpp"
#include "html.hpp"
#include "searches.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++found;
  return found;
}

/// What an attacker would have a host or a program say.
const std::string hostile =
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\x1b[2J";

FinalTraining training_of(const RunData& run, const std::string& folder) {
  const auto& candidate = run.best()->candidate;
  FinalTraining training{.folder = folder,
                         .name = short_name(folder),
                         .model = "cifar-large, c0=64, N=2",
                         .genotype = candidate.genotype,
                         .individual = candidate.id,
                         .data = "cifar10"};
  training.repeats.push_back({.number = 1,
                              .losses = {{100, 2.0}, {200, 1.0}},
                              .accuracies = {{200, 0.9}},
                              .top1 = 0.95,
                              .top5 = 0.99});
  training.repeats.push_back({.number = 2, .losses = {{100, 2.1}}, .top1 = 0.97, .top5 = 0.99});
  return training;
}

TEST(Report, WhatCameFromARunIsTextAndNothingElse) {
  RunData run = test::made_up_run("hierarchical", 60, 1);
  run.trainings.push_back(training_of(run, "train-7"));
  const std::string harmless = make_report({run}).html;
  run.name = hostile;
  run.ranks = search::RankRecord{1, hostile, hostile, {{1, hostile, hostile, 2, "dead", hostile}}};
  run.data = search::DataFacts{.name = hostile};
  run.options = {{hostile, hostile}};
  run.search.progress.state = hostile;
  for (auto& one : run.search.state.history) {
    if (evolution::is_failure(one.evaluation.status)) one.evaluation.reason = hostile;
  }
  run.trainings.front().model = hostile;
  run.trainings.front().data = hostile;
  run.trainings.front().name = hostile + "\n";
  const Report report = make_report({run, run});
  EXPECT_THAT(report.html, HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_EQ(count(report.html, "<script"), count(harmless, "<script"));
  EXPECT_EQ(count(report.html, "</script"), count(harmless, "</script"));
  EXPECT_THAT(report.html, Not(HasSubstr("<img")));
  EXPECT_THAT(report.html, Not(HasSubstr("\x1b")));
  // All of it is in quotes or between elements: nothing becomes an attribute.
  for (std::size_t at = 0; (at = report.html.find("onerror", at)) != std::string::npos; ++at) {
    const std::string before = report.html.substr(at - 10, 10);
    EXPECT_TRUE(before == "img src=x ") << before;
  }
  for (const auto& [name, text] : report.csv()) EXPECT_THAT(text, Not(HasSubstr("\x1b"))) << name;
  // The numbers of the charts can still be read.
  const std::string begin = "id=\"chart-numbers\">";
  const auto from = report.html.find(begin) + begin.size();
  const auto json =
      nlohmann::json::parse(report.html.substr(from, report.html.find("</script>", from) - from));
  EXPECT_EQ(json[0]["series"][0]["label"], hostile);
}

TEST(Report, SaysHowTheSearchWent) {
  RunData run = test::made_up_run("hierarchical", 60, 2);
  const auto& best = *run.best();
  std::string html = make_report({run}).html;
  EXPECT_TRUE(html.starts_with(page_beginning));
  EXPECT_THAT(html, HasSubstr("The search was saved, to be resumed, after 60 of 63 evaluations."));
  EXPECT_THAT(html,
              HasSubstr(fmt::format("The best cell, individual {}, has a fitness of {:.4f} ± ",
                                    number(best.candidate.id), best.evaluation.fitness)));
  EXPECT_THAT(html, HasSubstr("crashed"));
  EXPECT_THAT(html, HasSubstr("signal 11"));
  EXPECT_THAT(html, HasSubstr(html::text(genome::json_text(best.candidate.genotype))));
  EXPECT_THAT(html, Not(HasSubstr("Final trainings")));
  run.search.progress.state = "running";
  EXPECT_THAT(make_report({run}).html, HasSubstr("The search has stopped, after 60 "));
  run.running = true;
  run.trainings.push_back(training_of(run, "train-7"));
  html = make_report({run}).html;
  EXPECT_THAT(html, HasSubstr("The search is running, after 60 "));
  EXPECT_THAT(html, HasSubstr("4.00 ± 1.41"));  // of 95 and 97 %
  EXPECT_THAT(html, HasSubstr("3.75 ± 0.12"));  // Table 1
  EXPECT_THAT(html, HasSubstr("2 of 2"));
}

TEST(Report, AsksNoOtherFile) {
  const RunData run = test::made_up_run("flat", 30, 3);
  const std::string html = make_report({run}).html;
  static const std::regex address(R"re((src|href)\s*=\s*["']?([^"'>\s]*))re");
  // The library of the charts has such words in texts of its own.
  const std::string own = html.substr(0, html.find("id=\"chart-numbers\">"));
  for (std::sregex_iterator one(own.begin(), own.end(), address), end; one != end; ++one) {
    EXPECT_EQ((*one)[2].str().substr(0, 1), "#") << one->str();
  }
  EXPECT_THAT(own, Not(HasSubstr("@import")));
  EXPECT_THAT(own, Not(HasSubstr("url(")));
  EXPECT_THAT(own, HasSubstr("default-src 'none'"));
}

TEST(Report, OfARunWithNothingYetAndWithSevenThousand) {
  RunData none = test::made_up_run("flat", 0, 4);
  const std::string html = make_report({none}).html;
  EXPECT_THAT(html, HasSubstr("No candidate has a fitness yet."));
  EXPECT_THAT(html, HasSubstr("No evaluation failed."));
  const RunData many = test::made_up_run("hierarchical", 7000, 5);
  const Report report = make_report({many});
  EXPECT_LT(report.html.size(), 5'000'000U);
  for (const auto& [name, text] : report.csv()) {
    if (name == "individuals.csv") {
      EXPECT_EQ(count(text, "\n"), 7001U);
    }
  }
}

TEST(Report, DrawsEveryMotifAndMarksThoseThatAreNotUsed) {
  if (!can_draw_graphs()) GTEST_SKIP() << "built without Graphviz";
  RunData run = test::made_up_run("hierarchical", 30, 6);
  // The published cell, which uses neither motif 2 nor motif 6.
  auto& best = run.search.state.history.front();
  best.candidate.genotype =
      genome::read_genotype(std::filesystem::path(HIEREVO_SOURCE_DIR) / "genotypes/published.json");
  best.evaluation = {.fitness = 2.0, .repeat_fitness = {}, .repeat_loss = {}, .reason = ""};
  const std::string html = make_report({run}).html;
  EXPECT_EQ(count(html, "<svg "), 8U);  // the cell, six motifs, the assembled cell
  EXPECT_EQ(count(html, "</svg>"), 8U);
  EXPECT_THAT(html, HasSubstr("<h3>Motif 2 (not used)</h3>"));
  EXPECT_THAT(html, HasSubstr("<h3>Motif 6 (not used)</h3>"));
  EXPECT_EQ(count(html, "(not used)"), 2U);
  EXPECT_EQ(count(html, "<h3>Cell</h3>"), 1U);
  EXPECT_THAT(html, HasSubstr("Motif 4: 1→2 avg-pool 3×3, 1→3 separable 3×3, 2→3 separable 3×3, "
                              "1→4 identity, 2→4 max-pool 3×3, 3→4 avg-pool 3×3"));
}

TEST(Report, HasPublishedResultsFolded) {
  RunData run = test::made_up_run("hierarchical", 30, 7);
  run.trainings.push_back(training_of(run, "train-7"));
  const std::string html = make_report({run}).html;
  EXPECT_THAT(html, HasSubstr("<details><summary>Published results"));
}

TEST(Report, CsvFilesBeginAlikeInEveryReport) {
  const Report report = make_report({test::made_up_run("flat", 30, 8)});
  for (const auto& [name, text] : report.csv()) {
    const std::string_view beginning = csv_beginning(text);
    EXPECT_TRUE(text.starts_with(beginning)) << name;
    EXPECT_TRUE(beginning == "series," ||
                (name == "individuals.csv" && beginning.starts_with("step,id,") &&
                 beginning.ends_with(",reason")))
        << name << ": " << beginning;
  }
}

TEST(Report, HasTheMetrics) {
  RunData run = test::made_up_run("flat", 5, 8);
  auto& history = run.search.state.history;
  history[0].evaluation.metrics = {{"latency", 0.5}};
  history[3].evaluation.metrics = {{"device/memory", 2e9}, {"latency", 0.25}};
  history[3].evaluation.status = evolution::Status::evaluated;
  history[3].evaluation.fitness = 2.0;
  const Report report = make_report({run});
  EXPECT_THAT(report.html,
              HasSubstr("<p>Its metrics: device/memory: 2000000000, latency: 0.25.</p>"));
  const auto files = report.csv();
  const auto named = [](const auto& file) { return file.first == "individuals.csv"; };
  const std::string csv = std::ranges::find_if(files, named)->second;
  EXPECT_THAT(csv, HasSubstr(",reason,metrics.latency,metrics.device/memory\n"));
  EXPECT_EQ(count(csv, ",0.5,\n"), 1U);
  EXPECT_EQ(count(csv, ",0.25,2000000000\n"), 1U);
  EXPECT_EQ(count(csv, ",,\n"), 3U);
  EXPECT_TRUE(csv.starts_with(csv_beginning(csv)));
}

TEST(Report, ShowsTheFrontOfSeveralObjectives) {
  RunData run = test::made_up_run("flat", 200, 8);
  const auto chart_of = [](const Report& report) -> const Chart* {
    const auto named = [](const Chart& chart) { return chart.id.ends_with("objectives"); };
    const auto found = std::ranges::find_if(report.charts, named);
    return found == report.charts.end() ? nullptr : &*found;
  };
  EXPECT_EQ(chart_of(make_report({run})), nullptr);
  for (const char* objectives :
       {"fitness,-parameters", "-macs,fitness", "fitness,parameters,-macs"}) {
    run.search.options.objectives = evolution::objectives_of(objectives);
    const auto front = evolution::pareto_front(run.history(), run.search.options.objectives);
    const Report report = make_report({run});
    const Chart* chart = chart_of(report);
    ASSERT_NE(chart, nullptr);
    const std::vector<std::uint64_t>& drawn = chart->series[1].individual;
    std::set<std::uint64_t> expected;
    for (const auto* one : front) expected.insert(number(one->candidate.id));
    EXPECT_EQ(std::set(drawn.begin(), drawn.end()), expected) << objectives;
    EXPECT_TRUE(std::ranges::is_sorted(chart->series[1].x));
    EXPECT_THAT(report.html, HasSubstr("<h2>The Pareto front</h2>"));
    EXPECT_THAT(report.html, HasSubstr(std::string("(") + objectives + ", where a minus means"));
  }
}

TEST(FinalTrainings, AreTakenOnceByTheRunWithTheirGenotype) {
  RunData run = test::made_up_run("hierarchical", 30, 9);
  const hierevo::test::ScratchFolder folder;
  const FinalTraining training = training_of(run, folder.path().string());
  EXPECT_TRUE(run.take_if_of_this(training));
  EXPECT_TRUE(run.take_if_of_this(training));
  ASSERT_EQ(run.trainings.size(), 1U);
  const auto& history = run.history();
  const auto first = std::ranges::find_if(
      history, [&](const auto& one) { return one.candidate.genotype == training.genotype; });
  EXPECT_EQ(run.trainings.front().individual, first->candidate.id);
  RunData other = test::made_up_run("flat", 30, 9);
  EXPECT_FALSE(other.take_if_of_this(training));
  EXPECT_TRUE(other.trainings.empty());
}

TEST(FinalTrainings, AreNamedByTheirFolder) {
  EXPECT_EQ(short_name("a/train-7"), "train-7");
  EXPECT_EQ(short_name("a/train-7/"), "train-7");
  EXPECT_EQ(short_name("a/b/.."), "a");
}

TEST(FinalTrainings, AResumedLogHasEachStepOnce) {
  const hierevo::test::ScratchFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    const auto path = folder.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  };
  const genome::Genotype genotype(genome::SearchSpace::parse("1x3"));
  write("genotype.json", genome::json_text(genotype));
  write("repeat-2/log.jsonl", R"({"event":"start","step":0}
{"event":"step","step":10,"loss":3.0}
{"event":"step","step":20,"loss":2.5}
{"event":"test","step":20,"top1":0.5,"top5":0.9}
{"event":"step","step":30,"lo
{"event":"start","step":10}
{"event":"step","step":20,"loss":2.0}
{"event":"step","step":30,"loss":null}
{"event":"test","step":30,"top1":0.75,"top5":0.9}
{"event":"end","step":30,"top1":0.75,"top5":0.9}
)");
  write("repeat-1/log.jsonl", "{\"event\":\"start\",\"step\":0}\n");
  write("repeat-x/log.jsonl", "");
  const FinalTraining training = read_final_training({folder.path(), "cifar-small"});
  ASSERT_EQ(training.repeats.size(), 2U);
  EXPECT_EQ(training.repeats[0].number, 1);
  EXPECT_FALSE(training.repeats[0].top1);
  const Repeat& second = training.repeats[1];
  ASSERT_EQ(second.losses.size(), 2U);
  EXPECT_EQ(second.losses[1].step, 20);
  EXPECT_EQ(second.losses[1].value, 2.0);
  ASSERT_EQ(second.accuracies.size(), 1U);
  EXPECT_EQ(second.top1, 0.75);
  const auto accuracy = training.accuracy();
  EXPECT_EQ(accuracy->repeats, 1U);
  EXPECT_FALSE(accuracy->top1_deviation);
}

}  // namespace
}  // namespace hierevo::report
