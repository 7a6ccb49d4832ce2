// The evaluator that talks to a program that stays: here shell scripts, most of them hostile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "genome/published_cell.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using evolution::IndividualId;
using evolution::Status;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* hello = R"(echo '{"type": "hello", "protocol": 1}'; read welcome; )";
/// Ends with the program's input.
constexpr const char* answer_all =
    R"(while read line; do
         id=${line#*'"id":'}; id=${id%%,*}
         case $line in *shutdown*) exit 0;; esac
         echo '{"type": "result", "id": '$id', "fitness": 0.'$id'}'
       done)";

Work work(std::uint64_t id, int memory_parts = 1) {
  return {{IndividualId{id}, std::nullopt, 34, genome::published_cell()}, memory_parts};
}

/// A program in the shell's language, and its evaluations.
class Server {
 public:
  explicit Server(const std::string& script, const std::filesystem::path& run = {})
      : evaluator_(make_server_evaluator({"sh", "-c", script}, run, [] { return true; })) {}

  std::optional<evolution::Evaluation> evaluate_unless(const Work& work,
                                                       const ProgressCallback& progress) {
    return evaluator_->evaluate(work, progress);
  }
  evolution::Evaluation evaluate(std::uint64_t id = 7, int memory_parts = 1) {
    return evaluator_->evaluate(work(id, memory_parts), [](const auto&) { return true; }).value();
  }
  void end() { evaluator_.reset(); }

 private:
  std::unique_ptr<Evaluator> evaluator_;
};

/// What a program that says hello and reads one candidate makes of it by `script`.
evolution::Evaluation outcome_of(const std::string& script) {
  return Server(std::string(hello) + "read candidate; " + script).evaluate();
}

std::string result(const std::string& members) {
  return R"(echo '{"type": "result", "id": 7, )" + members + "}'; read end";
}

TEST(ServerEvaluator, OneProgramEvaluatesManyCandidates) {
  const test::ScratchFolder folder;
  const std::string starts = (folder.path() / "starts").string();
  Server server("echo start >> '" + starts + "'; " + hello + answer_all);
  for (const int id : {5, 6, 7, 8}) {
    EXPECT_DOUBLE_EQ(server.evaluate(static_cast<std::uint64_t>(id)).fitness, id / 10.0);
  }
  EXPECT_EQ(core::read_text_file(starts), "start\n");
}

TEST(ServerEvaluator, TellsAllThatIsKnownOfACandidate) {
  const test::ScratchFolder run;
  const std::string file = (run.path() / "candidate").string();
  Server server(
      R"(echo '{"type": "hello", "protocol": 1, "fields": ["cell", "genotype"]}'; read welcome; )"
      "echo \"$welcome\" > '" +
          file + ".hello'; read -r candidate; echo \"$candidate\" > '" + file + "'; " +
          result("\"fitness\": 0.5"),
      run.path());
  EXPECT_EQ(server.evaluate(7, 4).fitness, 0.5);
  const auto welcome = nlohmann::json::parse(core::read_text_file(file + ".hello"));
  EXPECT_EQ(welcome["type"], "hello");
  EXPECT_EQ(welcome["protocol"], 1);
  const auto candidate = nlohmann::json::parse(core::read_text_file(file));
  EXPECT_EQ(candidate["id"], 7);
  EXPECT_EQ(candidate["seed"], 34);
  EXPECT_EQ(candidate["memory_parts"], 4);
  EXPECT_EQ(candidate["folder"], (run.path() / "inflight" / "7.d").string());
  EXPECT_EQ(candidate["genotype"], genome::to_json(genome::published_cell()));
  const auto cell = genome::assemble(genome::published_cell());
  EXPECT_EQ(candidate["cell"]["output"], cell.output);
  ASSERT_EQ(candidate["cell"]["nodes"].size(), cell.nodes.size());
  EXPECT_EQ(candidate["cell"]["nodes"][0]["kind"], "input");
  EXPECT_EQ(candidate["cell"]["nodes"].back()["operands"], cell.nodes.back().operands);
}

TEST(ServerEvaluator, TakesTheMembersOfAResult) {
  const auto evaluation = outcome_of(
      result(R"("fitness": 0.5, "values": [0.4, 0.6], "loss": [1.5, NaN], "seconds": 12.5, )"
             R"("metrics": {"latency": 0.25})"));
  EXPECT_EQ(evaluation.status, Status::evaluated);
  EXPECT_EQ(evaluation.repeat_fitness, (std::vector{0.4, 0.6}));
  ASSERT_EQ(evaluation.repeat_loss.size(), 2U);
  EXPECT_EQ(evaluation.repeat_loss[0], 1.5);
  EXPECT_EQ(evaluation.seconds, 12.5);
  EXPECT_EQ(evaluation.metrics, (evolution::Metrics{{"latency", 0.25}}));
}

TEST(ServerEvaluator, TakesFailures) {
  const auto failure = [](const std::string& kind) {
    return outcome_of(R"(echo '{"type": "failure", "id": 7, "kind": )" + kind +
                      R"(, "reason": "because"}'; read end)");
  };
  EXPECT_EQ(failure("\"diverged\"").status, Status::diverged);
  EXPECT_EQ(failure("\"diverged\"").reason, "because");
  EXPECT_EQ(failure("\"out_of_memory\"").status, Status::out_of_memory);
  EXPECT_EQ(failure("\"failed\"").status, Status::failed);
  EXPECT_EQ(failure("\"crashed\"").status, Status::failed);
  EXPECT_THAT(failure("[1]").reason, AllOf(HasSubstr("\"kind\" is [1]"), HasSubstr("because")));
}

TEST(ServerEvaluator, AFitnessThatIsNoNumberHasDiverged) {
  EXPECT_EQ(outcome_of(result("\"fitness\": NaN")).status, Status::diverged);
  EXPECT_EQ(outcome_of(result("\"fitness\": -Infinity")).status, Status::diverged);
}

TEST(ServerEvaluator, RefusesOtherValues) {
  EXPECT_EQ(outcome_of(result("\"fitness\": -0.5")).status, Status::failed);
  EXPECT_EQ(outcome_of(result("\"fitness\": \"high\"")).status, Status::failed);
  EXPECT_EQ(outcome_of(result("\"loss\": 1")).status, Status::failed);
  EXPECT_EQ(outcome_of(result("\"fitness\": 1, \"values\": \"x\"")).status, Status::failed);
  EXPECT_EQ(outcome_of(result("\"fitness\": 1, \"values\": [NaN]")).status, Status::failed);
  EXPECT_EQ(outcome_of(result("\"fitness\": 1, \"seconds\": \"x\"")).status, Status::failed);
  EXPECT_EQ(outcome_of(result("\"fitness\": 1, \"metrics\": {\"a b\": 1}")).status, Status::failed);
}

TEST(ServerEvaluator, ReportsProgress) {
  Server server(std::string(hello) +
                R"(read candidate
         echo '{"type": "progress", "id": 7, "repeat": 1, "step": 3, "steps": 9, "loss": 0.25, "earlier_seconds": 60}'
         read go_on; )" +
                result("\"fitness\": 0.5"));
  EvaluationProgress last;
  const auto evaluation = server.evaluate_unless(work(7), [&](const EvaluationProgress& at) {
    last = at;
    return at.step < 3;  // to stop lets it read on
  });
  EXPECT_EQ(evaluation.value().fitness, 0.5);  // it was nearly done
  EXPECT_EQ(last.repeat, 1);
  EXPECT_EQ(last.step, 3);
  EXPECT_EQ(last.steps, 9);
  EXPECT_EQ(last.loss, 0.25);
  EXPECT_EQ(last.earlier_seconds, 60.0);
}

TEST(ServerEvaluator, LetsItSaveWhenAskedToStop) {
  const test::ScratchFolder run;
  const std::string script = std::string(hello) +
                             R"(while read line; do
           case $line in
             *candidate*) folder=${line#*'"folder":"'}; folder=${folder%%'"'*}
               if [ -e "$folder/state" ]; then echo '{"type": "result", "id": 7, "fitness": 0.75}'; fi;;
             *stop*) mkdir -p "$folder"; echo half > "$folder/state"; echo '{"type": "stopped", "id": 7}';;
           esac
         done)";
  Server server(script, run.path());
  EXPECT_FALSE(server.evaluate_unless(work(7), [](const auto&) { return false; }).has_value());
  EXPECT_EQ(server.evaluate().fitness, 0.75);
  server.end();
  EXPECT_EQ(Server(script, run.path()).evaluate().fitness, 0.75);
}

TEST(ServerEvaluator, LinesForPeopleAreLoggedWithTheCandidate) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      outcome_of("echo 'epoch 1'; echo 'a warning' >&2; " + result("\"fitness\": 0.5")).fitness,
      0.5);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("Candidate 7: epoch 1"), HasSubstr("Candidate 7: a warning")));
}

TEST(ServerEvaluator, AFloodOfOutputIsCutOff) {
  for (const std::string& where : {std::string(), std::string(">&2")}) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(
        outcome_of("{ yes | head -c 20000000; echo; } " + where + "; " + result("\"fitness\": 0.5"))
            .fitness,
        0.5);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log.substr(log.size() - 200), HasSubstr("more than 1 MiB: the rest is not shown"));
  }
}

TEST(ServerEvaluator, TellsTheProgramToExit) {
  const test::ScratchFolder folder;
  const std::string file = (folder.path() / "last").string();
  Server server(std::string(hello) + "while read line; do last=$line; done; echo \"$last\" > '" +
                file + "'");
  server.end();
  EXPECT_THAT(core::read_text_file(file), HasSubstr("shutdown"));
}

/// Evaluates two candidates: of the first the program makes `script`, of others it makes what is
/// right.
std::pair<evolution::Evaluation, evolution::Evaluation> first_and_next(const std::string& script) {
  const test::ScratchFolder folder;
  const std::string file = (folder.path() / "not the first").string();
  Server server(std::string(hello) + "if [ ! -e '" + file + "' ]; then touch '" + file +
                "'; read candidate; " + script + "; fi; " + answer_all);
  auto first = server.evaluate(7);
  return {first, server.evaluate(8)};
}

void expect_crash_and_restart(const std::string& script, const std::string& reason) {
  testing::internal::CaptureStderr();
  const auto [first, next] = first_and_next(script);
  EXPECT_EQ(first.status, Status::crashed) << script << '\n' << first.reason;
  EXPECT_THAT(first.reason, HasSubstr(reason)) << script;
  EXPECT_EQ(next.fitness, 0.8) << script << '\n' << next.reason;
  testing::internal::GetCapturedStderr();
}

TEST(ServerEvaluator, IsStartedAgainAfterACrash) {
  expect_crash_and_restart("kill -9 $$", "signal 9");
  expect_crash_and_restart("echo 'no such layer' >&2; exit 3",
                           "exit code 3; its last lines: no such layer");
  expect_crash_and_restart("exit 0", "exit code 0");
}

TEST(ServerEvaluator, IsStartedAgainAfterABreachOfTheProtocol) {
  expect_crash_and_restart("echo '{\"type\": \"result\"'; read on", "not a JSON object");
  expect_crash_and_restart("echo '{\"type\": \"dance\", \"id\": 7}'; read on", "\"type\"");
  expect_crash_and_restart("echo '{\"type\": \"result\", \"fitness\": 1}'; read on", "no \"id\"");
  expect_crash_and_restart("echo '{\"type\": \"result\", \"id\": 9, \"fitness\": 1}'; read on",
                           "candidate 9, which it was not given");
  expect_crash_and_restart("echo '{\"type\": \"stopped\", \"id\": 6}'; read on",
                           "candidate 6, which it was not given");
  expect_crash_and_restart("echo '{\"type\": \"progress\", \"id\": 7, \"step\": -1}'; read on",
                           "\"step\"");
  expect_crash_and_restart("echo '{\"type\": \"progress\", \"id\": 7, \"loss\": []}'; read on",
                           "\"loss\"");
  expect_crash_and_restart("echo '{\"type\": \"hello\", \"protocol\": 1}'; read on",
                           "a second hello");
  expect_crash_and_restart("exec >/dev/null; read on; read on", "it has closed its output");
  expect_crash_and_restart("echo '{\"type\": \"stopped\", \"id\": 7}'; read on",
                           "without having been asked");
  expect_crash_and_restart("echo '{\"fitness\": 1}'; read on", "started for each candidate");
  expect_crash_and_restart(
      "printf '50%%'; echo '{\"type\": \"result\", \"id\": 7, \"fitness\": 1}'; read on",
      "a message behind other output");
  expect_crash_and_restart("printf '{\\377\\376\\n'; read on", "not a JSON object");
}

TEST(ServerEvaluator, ALineWithoutEndIsABreach) {
  expect_crash_and_restart("printf '{'; head -c 1000000000 /dev/zero | tr '\\0' x; read on",
                           "a line of more than");
}

TEST(ServerEvaluator, DeeplyNestedJsonDoesNoHarm) {
  expect_crash_and_restart(
      "printf '{\"type\":'; head -c 500000 /dev/zero | tr '\\0' '['; echo; read on",
      "not a JSON object");
}

TEST(ServerEvaluator, ASecondAnswerIsIgnored) {
  testing::internal::CaptureStderr();
  Server server(std::string(hello) +
                R"(read candidate; echo '{"type": "result", "id": 7, "fitness": 0.5}
{"type": "result", "id": 7, "fitness": 0.9}'; )" +
                answer_all);
  EXPECT_EQ(server.evaluate(7).fitness, 0.5);
  EXPECT_EQ(server.evaluate(8).fitness, 0.8);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("Ignoring a late result"));
}

TEST(ServerEvaluator, AnAnswerBeforeTheCandidateCostsNoCandidate) {
  testing::internal::CaptureStderr();
  const auto [first, next] = first_and_next(
      R"(echo '{"type": "result", "id": 7, "fitness": 0.5}
{"type": "result", "id": 8, "fitness": 0.9}'; read on; read on)");
  EXPECT_EQ(first.fitness, 0.5);
  EXPECT_EQ(next.fitness, 0.8);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("Between two candidates"));
}

TEST(ServerEvaluator, OneThatExitsBetweenCandidatesCostsNone) {
  testing::internal::CaptureStderr();
  const auto [first, next] =
      first_and_next(R"(echo '{"type": "result", "id": 7, "fitness": 0.5}'; exit 4)");
  EXPECT_EQ(first.fitness, 0.5);
  EXPECT_EQ(next.fitness, 0.8) << next.reason;
  testing::internal::GetCapturedStderr();
}

TEST(ServerEvaluator, OneThatExitsBehindEachAnswerEvaluatesAll) {
  testing::internal::CaptureStderr();
  Server server(std::string(hello) + R"(read -r line; id=${line#*'"id":'}; id=${id%%,*}
                echo '{"type": "result", "id": '$id', "fitness": 0.'$id'}')");
  for (const int id : {5, 6, 7, 8}) {
    EXPECT_DOUBLE_EQ(server.evaluate(static_cast<std::uint64_t>(id)).fitness, id / 10.0);
  }
  testing::internal::GetCapturedStderr();
}

TEST(ServerEvaluator, OneThatNeverReadsACandidateFails) {
  testing::internal::CaptureStderr();
  Server server(std::string(hello) + "exit 6");
  const auto evaluation = server.evaluate();
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(evaluation.status, Status::crashed);
  EXPECT_THAT(evaluation.reason, HasSubstr("exit code 6"));
}

TEST(ServerEvaluator, LeavesNothingOfTheProgram) {
  const test::ScratchFolder folder;
  const auto file = folder.path() / "id";
  const auto evaluation =
      outcome_of("(setsid sleep 1000 & echo $! > '" + file.string() + ".new'; mv '" +
                 file.string() + ".new' '" + file.string() + "'); exit 5");
  EXPECT_THAT(evaluation.reason, HasSubstr("exit code 5"));
  EXPECT_NE(::kill(std::stoi(core::read_text_file(file)), 0), 0);
}

TEST(ServerEvaluator, DoesNotWaitForOneThatDoesNotExit) {
  const test::ScratchFolder folder;
  const std::string file = (folder.path() / "id").string();
  Server server("echo $$ > '" + file + "'; " + hello + "trap '' TERM HUP; sleep 1000");
  server.end();
  EXPECT_NE(::kill(std::stoi(core::read_text_file(file)), 0), 0);
}

TEST(ServerEvaluator, OneThatReadsNothingCanBeToldToStop) {
  // Only its rank can end it, and must not wait for it.
  Server server(std::string(hello) + "sleep 1000");
  int asked = 0;
  EXPECT_THROW(server.evaluate_unless(work(7),
                                      [&](const auto&) -> bool {
                                        if (++asked == 3) throw std::runtime_error("killed");
                                        return false;
                                      }),
               std::runtime_error);
}

std::unique_ptr<Evaluator> started(const std::vector<std::string>& command,
                                   const std::filesystem::path& run = {}) {
  return make_server_evaluator(command, run, [] { return true; });
}

std::string problem_at_start(const std::string& script) {
  testing::internal::CaptureStderr();
  try {
    Server server(script);
    testing::internal::GetCapturedStderr();
    return "";
  } catch (const core::UsageError& error) {
    testing::internal::GetCapturedStderr();
    return error.what();
  }
}

TEST(ServerEvaluator, RefusesAProgramThatDoesNotBegin) {
  EXPECT_THAT(problem_at_start("echo 'No module named torch' >&2; exit 1"),
              AllOf(HasSubstr("exit code 1"), HasSubstr("No module named torch")));
  EXPECT_THAT(problem_at_start(R"(echo '{"type": "hello", "protocol": 2}'; read on)"),
              HasSubstr("\"protocol\" is 2, and this hierevo speaks 1"));
  EXPECT_THAT(problem_at_start(R"(echo '{"type": "stopped", "id": 1}'; read on)"),
              HasSubstr("not its hello"));
  EXPECT_THAT(
      problem_at_start(R"(echo '{"type": "hello", "protocol": 1, "fields": ["tea"]}'; read on)"),
      HasSubstr("\"fields\""));
  EXPECT_THROW(started({"no-such-program-at-all"}), core::UsageError);
  EXPECT_THROW(started({}), core::UsageError);
  EXPECT_THROW(started({"cat"}, "\xff"), core::UsageError);
}

TEST(ServerEvaluator, ItsInputIsNotInheritedByAnothers) {
  const test::ScratchFolder folder;
  const std::string file = (folder.path() / "end").string();
  Server first(std::string(hello) + "while read line; do :; done; echo end > '" + file + "'");
  Server second(std::string(hello) + answer_all);
  first.end();  // its program would be killed if the second one's held its input
  EXPECT_EQ(core::read_text_file(file), "end\n");
  EXPECT_EQ(second.evaluate(6).fitness, 0.6);
}

TEST(ServerEvaluator, OneThatClosesItsInputIsStartedAgain) {
  testing::internal::CaptureStderr();
  Server server(std::string(hello) + "exec 0<&-; while :; do sleep 1; done");
  const auto evaluation = server.evaluate_unless(work(7), [](const auto&) { return false; });
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(evaluation.value().status, Status::crashed);
  EXPECT_THAT(evaluation.value().reason, HasSubstr("it has closed its input"));
}

TEST(ServerEvaluator, GarbageBehindTheHelloIsACrash) {
  testing::internal::CaptureStderr();
  Server server(std::string(hello) + "echo '{garbage'; read on; read on");
  EXPECT_EQ(server.evaluate(7).status, Status::crashed);
  testing::internal::GetCapturedStderr();
}

TEST(ServerEvaluator, ASecondAnswerToAnEarlierAttemptIsIgnored) {
  testing::internal::CaptureStderr();
  const std::string failure =
      R"({"type": "failure", "id": 7, "memory_parts": 1, "kind": "out_of_memory"})";
  Server server(std::string(hello) + "read candidate; echo '" + failure + "'; read again; echo '" +
                failure + R"('
         echo '{"type": "result", "id": 7, "memory_parts": 2, "fitness": 0.5}'; read end)");
  EXPECT_EQ(server.evaluate(7, 1).status, Status::out_of_memory);
  EXPECT_EQ(server.evaluate(7, 2).fitness, 0.5);
  testing::internal::GetCapturedStderr();
}

TEST(ServerEvaluator, CanBeToldToEndBeforeTheHello) {
  int asked = 0;
  const auto evaluator =
      make_server_evaluator({"sh", "-c", "sleep 1000"}, {}, [&] { return ++asked < 3; });
  testing::internal::CaptureStderr();
  EXPECT_FALSE(evaluator->evaluate(work(7), [](const auto&) { return false; }).has_value());
  testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace hierevo::search
