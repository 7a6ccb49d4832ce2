// The evaluator that runs an external program: here /bin/sh, given to it as any program is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "genome/published_cell.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using evolution::Status;
using testing::HasSubstr;

evolution::Evaluation evaluate(const std::string& script, const std::filesystem::path& run = {}) {
  const auto evaluator = make_external_evaluator({"sh", "-c", script, "sh"}, run);
  const evolution::Candidate candidate{evolution::IndividualId{12}, std::nullopt, 34,
                                       genome::published_cell()};
  return evaluator->evaluate({candidate}, [](const auto&) { return true; }).value();
}

TEST(ExternalEvaluator, TakesTheFitnessOfTheLastLine) {
  const auto evaluation = evaluate("echo 'epoch 1'; echo '{\"fitness\": 0.25}'; echo");
  EXPECT_EQ(evaluation.status, Status::evaluated);
  EXPECT_EQ(evaluation.fitness, 0.25);
}

TEST(ExternalEvaluator, PassesOverABarOfProgress) {
  EXPECT_EQ(evaluate(R"(printf '  0%%\r 50%%\r100%%\r{"fitness": 0.25}\r\n')").fitness, 0.25);
  EXPECT_EQ(evaluate(R"(printf '50%%\r\033[2K\033[1m{"fitness": 0.25}\033[0m\n\033[?25h')").fitness,
            0.25);
}

TEST(ExternalEvaluator, OtherMembersMayBeNoNumbers) {
  EXPECT_EQ(
      evaluate(R"(echo '{"curve": [NaN, -Infinity, {"x": Infinity}], "fitness": 0.25}')").fitness,
      0.25);
  EXPECT_EQ(
      evaluate(R"(printf '%s\n' '{"a": "\"NaN\\", "b": "Infinity", "fitness": 0.5}')").fitness,
      0.5);
  EXPECT_THAT(evaluate("echo '{\"fitness\": NaN}'").reason, HasSubstr("finite"));
  EXPECT_THAT(evaluate("echo '{\"fitness\": Infinity}'").reason, HasSubstr("Infinity"));
  EXPECT_THAT(evaluate("echo '{\"loss\": nan, \"fitness\": 1}'").reason,
              HasSubstr("not a JSON object"));
}

TEST(ExternalEvaluator, TakesMetrics) {
  const auto evaluation = evaluate(
      R"(echo '{"metrics": {"latency": 1.5, "gpu/memory": 2000000000}, "fitness": 0.25}')");
  EXPECT_EQ(evaluation.status, Status::evaluated);
  const evolution::Metrics expected = {{"gpu/memory", 2e9}, {"latency", 1.5}};
  EXPECT_EQ(evaluation.metrics, expected);
  EXPECT_TRUE(evaluate(R"(echo '{"fitness": 0.25, "metrics": {}}')").metrics.empty());
}

TEST(ExternalEvaluator, RefusesMetricsThatCannotBeKept) {
  const auto reason = [](const std::string& metrics) {
    const auto evaluation = evaluate("echo '{\"fitness\": 0.25, \"metrics\": " + metrics + "}'");
    EXPECT_EQ(evaluation.status, Status::failed) << metrics;
    return evaluation.reason;
  };
  EXPECT_THAT(reason("3"), HasSubstr("\"metrics\" that are not a JSON object"));
  EXPECT_THAT(reason(R"({"latency": "short"})"),
              HasSubstr("the program gave a metric 'latency' that is not a finite number"));
  EXPECT_THAT(reason(R"({"latency": NaN})"), HasSubstr("'latency' that is not a finite"));
  EXPECT_THAT(reason(R"({"latency": 1e999})"), HasSubstr("not a JSON object"));
  EXPECT_THAT(reason(R"({"2nd": 1})"), HasSubstr("a metric named '2nd' (names are 1 to 64"));
  EXPECT_THAT(reason(R"({"a b": 1})"), HasSubstr("a metric named 'a b'"));
  EXPECT_THAT(reason(R"({"fitness": 1})"), HasSubstr("a metric named 'fitness' (every evaluation"));
}

TEST(ExternalEvaluator, GivesTheGenotypeTheIdAndTheSeed) {
  EXPECT_EQ(evaluate("grep -q hierevo.genotype \"$1\" && "
                     "echo \"{\\\"fitness\\\": $HIEREVO_ID.$HIEREVO_SEED}\"")
                .fitness,
            12.34);
}

/// Succeeds with 0.5 where the genotype is a file there, given by its whole path.
std::string expects_it_in(const std::filesystem::path& folder) {
  return "cd / && grep -q hierevo.genotype \"$1\" && [ \"${1%/*}\" = '" + folder.string() +
         "' ] && echo '{\"fitness\": 0.5}'";
}

TEST(ExternalEvaluator, PutsTheGenotypeIntoTheRunAndLeavesItThere) {
  const test::ScratchFolder run;
  const auto file = run.path() / "inflight" / "12.json";
  EXPECT_EQ(evaluate(expects_it_in(file.parent_path()), run.path()).fitness, 0.5);
  EXPECT_EQ(genome::read_genotype(file), genome::published_cell());
  const auto entries = std::filesystem::directory_iterator(file.parent_path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST(ExternalEvaluator, WhereTheRunTakesNoFilesTheGenotypeIsATemporaryOne) {
  const test::ScratchFolder folder;
  core::replace_file(folder.path() / "inflight", std::string_view("no folder"));
  const auto temporary = std::filesystem::temp_directory_path();
  for (const auto& run : {folder.path(), folder.path() / "gone", std::filesystem::path()}) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(evaluate("echo \"$1\" > " + (folder.path() / "name").string() + "; " +
                           expects_it_in(temporary),
                       run)
                  .fitness,
              0.5);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(log.find("has a temporary file instead") != log.npos, !run.empty());
    std::string name = core::read_text_file(folder.path() / "name");
    name.pop_back();
    EXPECT_FALSE(std::filesystem::exists(name)) << name;
  }
}

TEST(ExternalEvaluator, TellsWhatWentWrong) {
  EXPECT_THAT(evaluate("echo nonsense").reason, HasSubstr("'nonsense'"));
  EXPECT_THAT(evaluate("true").reason, HasSubstr("not a JSON object"));
  EXPECT_THAT(evaluate("echo '{\"fitness\": \"high\"}'").reason, HasSubstr("finite"));
  EXPECT_EQ(evaluate("exit 3").status, Status::failed);
  EXPECT_THAT(evaluate("exit 3").reason, HasSubstr("exit code 3"));
  EXPECT_EQ(evaluate("kill -9 $$").status, Status::crashed);
  EXPECT_THAT(evaluate("kill -9 $$").reason, HasSubstr("signal 9"));
  EXPECT_THAT(evaluate("echo '{\"fitness\": -1}'").reason, HasSubstr("from 0 up"));
}

TEST(ExternalEvaluator, TakesAnyAmountOfOutput) {
  EXPECT_EQ(evaluate("yes | head -c 3000000; echo; echo '{\"fitness\": 0.5}'").fitness, 0.5);
}

TEST(ExternalEvaluator, DoesNotWaitForWhatTheProgramLeavesBehind) {
  EXPECT_EQ(evaluate("echo '{\"fitness\": 0.5}'; sleep 1000 &").fitness, 0.5);
}

TEST(ExternalEvaluator, DoesNotWaitForTheEndOfWhatThatPrints) {
  // It is in a group of its own, and its output is the program's.
  evaluate("for i in 1 2 3 4 5 6 7 8; do setsid yes & done; sleep 0.1; echo '{\"fitness\": 0.5}'");
}

/// A process whose id a program has written into `file`.
bool is_there(const std::filesystem::path& file) {
  const int id = std::stoi(core::read_text_file(file));
  return ::kill(id, 0) == 0;
}

TEST(ExternalEvaluator, LeavesNothingOfTheProgram) {
  const test::ScratchFolder folder;
  const auto own_session = folder.path() / "own session";
  const auto own_parent = folder.path() / "own parent";
  EXPECT_EQ(
      evaluate("trap '' TERM HUP; exec 3>&1 >/dev/null 2>&1; setsid sleep 1000 & echo $! > '" +
               own_session.string() + "'; (setsid sleep 1000 & echo $! > '" + own_parent.string() +
               "'); echo '{\"fitness\": 0.5}' >&3")
          .fitness,
      0.5);
  EXPECT_FALSE(is_there(own_session));
  EXPECT_FALSE(is_there(own_parent));
}

TEST(ExternalEvaluator, LeavesNothingOfAProgramThatIsToldToEnd) {
  const test::ScratchFolder folder;
  const auto id = folder.path() / "id";
  const auto evaluator =
      make_external_evaluator({"sh", "-c",
                               "setsid sleep 1000 & echo $! > '" + id.string() + ".new'; mv '" +
                                   id.string() + ".new' '" + id.string() + "'; sleep 1000"});
  const evolution::Candidate candidate{evolution::IndividualId{1}, std::nullopt, 1,
                                       genome::published_cell()};
  EXPECT_FALSE(
      evaluator->evaluate({candidate}, [&](const auto&) { return !std::filesystem::exists(id); })
          .has_value());
  EXPECT_FALSE(is_there(id));
}

TEST(ExternalEvaluator, ItsProgramIsNoRank) {
  ::setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
  ::setenv("OMPI_MCA_btl", "self", 1);
  EXPECT_EQ(evaluate("[ -z \"$OMPI_COMM_WORLD_SIZE\" ] && [ $OMPI_MCA_btl = self ] && "
                     "echo '{\"fitness\": 0.5}'")
                .fitness,
            0.5);
  ::unsetenv("OMPI_COMM_WORLD_SIZE");
  ::unsetenv("OMPI_MCA_btl");
}

void make_program(const std::filesystem::path& path, const std::string& script) {
  core::replace_file(path, std::string_view("#!/bin/sh\n" + script + "\n"));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

TEST(ExternalEvaluator, WaitsForAProgramThatIsBeingReplaced) {
  const test::ScratchFolder folder;
  const auto program = folder.path() / "program";
  make_program(program, "echo '{\"fitness\": 0.25}'");
  const auto evaluator = make_external_evaluator({program.string()});
  std::filesystem::remove(program);
  const evolution::Candidate candidate{evolution::IndividualId{1}, std::nullopt, 1,
                                       genome::published_cell()};
  int asked = 0;
  testing::internal::CaptureStderr();
  const auto evaluation = evaluator->evaluate({candidate}, [&](const auto&) {
    if (++asked == 5) make_program(program, "echo '{\"fitness\": 0.5}'");
    return true;
  });
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("Cannot start '" + program.string() + "'"));
  EXPECT_EQ(evaluation.value().fitness, 0.5);
  std::filesystem::remove(program);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(evaluator->evaluate({candidate}, [](const auto&) { return false; }).has_value());
  testing::internal::GetCapturedStderr();
}

TEST(ExternalEvaluator, SaysWhereATemporaryFileCannotBe) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("TMPDIR", "/no/such/folder", 1);
  EXPECT_THROW(evaluate("true"), core::IoError);
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}

TEST(ExternalEvaluator, GivesTheProgramNothingToRead) {
  EXPECT_EQ(evaluate("read line || echo '{\"fitness\": 0.5}'").fitness, 0.5);
}

TEST(ExternalEvaluator, KeepsFromTheProgramWhatTellsTheJobToEnd) {
  EXPECT_EQ(evaluate("kill -USR1 $$; kill -USR2 $$; echo '{\"fitness\": 0.5}'").fitness, 0.5);
}

TEST(ExternalEvaluator, EndsTheProgramWhenToldTo) {
  const auto evaluator = make_external_evaluator({"sh", "-c", "sleep 1000"});
  int asked = 0;
  const evolution::Candidate candidate{evolution::IndividualId{1}, std::nullopt, 1,
                                       genome::published_cell()};
  EXPECT_FALSE(
      evaluator->evaluate({candidate}, [&](const auto&) { return ++asked < 3; }).has_value());
}

TEST(ExternalEvaluator, RefusesAProgramThatIsNotThere) {
  EXPECT_THROW(make_external_evaluator({"no-such-program-at-all"}), core::UsageError);
  EXPECT_THROW(make_external_evaluator({"./no/such"}), core::UsageError);
  EXPECT_THROW(make_external_evaluator({}), core::UsageError);
}

std::string refusal_of(const std::string& program) {
  try {
    make_external_evaluator({program});
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(ExternalEvaluator, AFolderIsNoProgram) {
  const test::ScratchFolder folder;
  std::filesystem::create_directories(folder.path() / "sh");
  std::filesystem::create_directories(folder.path() / "hierevo-folder");
  EXPECT_THAT(refusal_of(folder.path().string()), HasSubstr("it is a folder"));
  EXPECT_THAT(refusal_of(__FILE__), HasSubstr("it is not executable"));
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", (folder.path().string() + ":" + before).c_str(), 1);
  EXPECT_THAT(refusal_of("hierevo-folder"), HasSubstr("no such program on the PATH"));
  EXPECT_EQ(evaluate("echo '{\"fitness\": 0.5}'").fitness, 0.5);
  ::setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace hierevo::search
