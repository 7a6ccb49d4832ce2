// The evaluator that runs an external program: here /bin/sh, given to it as any program is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

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
  const auto evaluator = make_command_evaluator({"sh", "-c", script, "sh"}, run);
  const evolution::Candidate candidate{evolution::IndividualId{12}, std::nullopt, 34,
                                       genome::published_cell()};
  return evaluator->evaluate({candidate}, [](const auto&) { return true; }).value();
}

TEST(CommandEvaluator, TakesTheFitnessOfTheLastLine) {
  const auto evaluation = evaluate("echo 'epoch 1'; echo '{\"fitness\": 0.25}'; echo");
  EXPECT_EQ(evaluation.status, Status::evaluated);
  EXPECT_EQ(evaluation.fitness, 0.25);
}

TEST(CommandEvaluator, GivesTheGenotypeTheIdAndTheSeed) {
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

TEST(CommandEvaluator, PutsTheGenotypeIntoTheRunAndLeavesItThere) {
  const test::ScratchFolder run;
  const auto file = run.path() / "inflight" / "12.json";
  EXPECT_EQ(evaluate(expects_it_in(file.parent_path()), run.path()).fitness, 0.5);
  EXPECT_EQ(genome::read_genotype(file), genome::published_cell());
  const auto entries = std::filesystem::directory_iterator(file.parent_path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST(CommandEvaluator, WhereTheRunTakesNoFilesTheGenotypeIsATemporaryOne) {
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

TEST(CommandEvaluator, TellsWhatWentWrong) {
  EXPECT_THAT(evaluate("echo nonsense").reason, HasSubstr("'nonsense'"));
  EXPECT_THAT(evaluate("true").reason, HasSubstr("no JSON object"));
  EXPECT_THAT(evaluate("echo '{\"fitness\": \"high\"}'").reason, HasSubstr("finite"));
  EXPECT_EQ(evaluate("exit 3").status, Status::failed);
  EXPECT_THAT(evaluate("exit 3").reason, HasSubstr("exit code 3"));
  EXPECT_EQ(evaluate("kill -9 $$").status, Status::crashed);
  EXPECT_THAT(evaluate("kill -9 $$").reason, HasSubstr("signal 9"));
  EXPECT_THAT(evaluate("echo '{\"fitness\": -1}'").reason, HasSubstr("from 0 up"));
}

TEST(CommandEvaluator, TakesAnyAmountOfOutput) {
  EXPECT_EQ(evaluate("yes | head -c 3000000; echo; echo '{\"fitness\": 0.5}'").fitness, 0.5);
}

TEST(CommandEvaluator, DoesNotWaitForWhatTheProgramLeavesBehind) {
  EXPECT_EQ(evaluate("echo '{\"fitness\": 0.5}'; sleep 1000 &").fitness, 0.5);
}

TEST(CommandEvaluator, DoesNotWaitForTheEndOfWhatThatPrints) {
  // It is in a group of its own, and its output is the program's.
  evaluate("for i in 1 2 3 4 5 6 7 8; do setsid yes & done; sleep 0.1; echo '{\"fitness\": 0.5}'");
}

TEST(CommandEvaluator, SaysWhereATemporaryFileCannotBe) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("TMPDIR", "/no/such/folder", 1);
  EXPECT_THROW(evaluate("true"), core::IoError);
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}

TEST(CommandEvaluator, GivesTheProgramNothingToRead) {
  EXPECT_EQ(evaluate("read line || echo '{\"fitness\": 0.5}'").fitness, 0.5);
}

TEST(CommandEvaluator, KeepsFromTheProgramWhatTellsTheJobToEnd) {
  EXPECT_EQ(evaluate("kill -USR1 $$; kill -USR2 $$; echo '{\"fitness\": 0.5}'").fitness, 0.5);
}

TEST(CommandEvaluator, EndsTheProgramWhenToldTo) {
  const auto evaluator = make_command_evaluator({"sh", "-c", "sleep 1000"});
  int asked = 0;
  const evolution::Candidate candidate{evolution::IndividualId{1}, std::nullopt, 1,
                                       genome::published_cell()};
  EXPECT_FALSE(
      evaluator->evaluate({candidate}, [&](const auto&) { return ++asked < 3; }).has_value());
}

TEST(CommandEvaluator, RefusesAProgramThatIsNotThere) {
  EXPECT_THROW(make_command_evaluator({"no-such-program-at-all"}), core::UsageError);
  EXPECT_THROW(make_command_evaluator({"./no/such"}), core::UsageError);
  EXPECT_THROW(make_command_evaluator({}), core::UsageError);
}

}  // namespace
}  // namespace hierevo::search
