// The coordinator alone: the test plays the workers, and is the clock.
#include "coordinator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <initializer_list>
#include <map>
#include <optional>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/search/data_record.hpp"
#include "search/recorded_messages.hpp"
#include "search/search_cases.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using namespace std::chrono_literals;
using evolution::Candidate;
using evolution::Evaluation;
using evolution::IndividualId;
using evolution::Status;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Evaluation success(double fitness = 0.5) {
  Evaluation evaluation;
  evaluation.fitness = fitness;
  return evaluation;
}

Evaluation crash(const std::string& reason = "ended by signal 11") {
  return Evaluation::failure(Status::crashed, reason);
}

class CoordinatorTest : public testing::Test {
 protected:
  static constexpr int workers = 4;
  static constexpr auto heartbeat = 4s;
  static constexpr auto step = 500ms;

  CoordinatorTest() {
    options_.heartbeat = heartbeat;
    options_.grace = 10s;
  }

  Hello hello() const { return {core::version(), "host", options_.fingerprint, 1, {}, "", ""}; }

  void construct() {
    coordinator_.emplace(ranks_, options_, on_status_, stop_);
    now_ = Coordinator::Clock::now();
  }
  /// All are there, and have work.
  void start() {
    construct();
    for (int rank = 1; rank <= workers; ++rank) say(rank, hello());
    tick();
    for (int rank = 1; rank <= workers; ++rank) has_.insert_or_assign(rank, new_work(rank).at(0));
  }

  void say(int rank, const AnyMessage& message) { coordinator_->handle(rank, message, now_); }
  void tick() { coordinator_->tick(now_); }
  void answer(int rank, const Candidate& candidate, const Evaluation& evaluation) {
    say(rank, Result{candidate.id, evaluation});
    tick();
  }
  void answer(int rank, const Evaluation& evaluation) { answer(rank, has_.at(rank), evaluation); }
  std::vector<Candidate> new_work(int rank) {
    std::vector<Candidate> candidates;
    for (const Work& work : ranks_.take<Work>(rank)) candidates.push_back(work.candidate);
    return candidates;
  }

  std::pair<std::vector<Candidate>, std::vector<IndividualId>> new_work_and_cancelled(int rank) {
    std::pair<std::vector<Candidate>, std::vector<IndividualId>> found;
    for (const AnyMessage& message : ranks_.take_all(rank)) {
      if (const auto* work = std::get_if<Work>(&message)) found.first.push_back(work->candidate);
      if (const auto* one = std::get_if<Cancel>(&message)) found.second.push_back(one->id);
    }
    return found;
  }

  /// Time passes, in which only `living` give a sign of life.
  void pass(std::chrono::milliseconds time, std::initializer_list<int> living) {
    for (auto passed = 0ms; passed < time; passed += step) {
      now_ += step;
      for (const int rank : living) say(rank, ProgressReport{});
      tick();
    }
  }
  void pass_silence(std::initializer_list<int> living) { pass(heartbeat + step, living); }

  /// Stops the search; what it has saved.
  io::Snapshot stopped() {
    say(2, Stop{});
    tick();
    for (int rank = 1; rank <= workers; ++rank) say(rank, Drained{});
    tick();
    EXPECT_EQ(coordinator_->end(), SearchEnd::saved);
    return saved(options_.run);
  }
  /// What became of a candidate, which is there once.
  Evaluation evaluation_of(const io::Snapshot& snapshot, const Candidate& candidate) {
    std::vector<Evaluation> found;
    for (const auto& individual : snapshot.state.history) {
      if (individual.candidate.id != candidate.id) continue;
      EXPECT_EQ(individual.candidate, candidate);
      found.push_back(individual.evaluation);
    }
    EXPECT_THAT(found, SizeIs(1));
    return found.empty() ? Evaluation{} : found.front();
  }

  test::ScratchFolder folder_;
  SearchOptions options_ = small_search(folder_.path() / "run");
  StatusCallback on_status_;
  StopCallback stop_;
  RecordedMessages ranks_{0, workers + 1};
  std::optional<Coordinator> coordinator_;
  Coordinator::Clock::time_point now_;
  std::map<int, Candidate> has_;  ///< what each worker was given first
};

TEST_F(CoordinatorTest, ASilentRanksCandidateIsGivenToAnotherAsItWas) {
  start();
  pass_silence({2, 3, 4});
  EXPECT_EQ(coordinator_->status().lost_ranks, 1);
  EXPECT_TRUE(ranks_.given_up.contains(1));
  answer(2, success());
  EXPECT_THAT(new_work(2), testing::ElementsAre(has_.at(1)));
}

TEST_F(CoordinatorTest, OfTwoResultsTheFirstCountsBeItTheLateOne) {
  start();
  pass_silence({2, 3, 4});
  answer(2, success());
  answer(1, success(0.75));
  const std::size_t done = coordinator_->status().done;
  answer(2, has_.at(1), success(0.25));
  EXPECT_EQ(coordinator_->status().done, done);
  const Evaluation evaluation = evaluation_of(stopped(), has_.at(1));
  EXPECT_EQ(evaluation.fitness, 0.75);
  EXPECT_EQ(evaluation.worker, 1);
}

TEST_F(CoordinatorTest, OfTwoResultsTheFirstCountsBeItTheOtherRanks) {
  start();
  pass_silence({2, 3, 4});
  answer(2, success());
  answer(2, has_.at(1), success(0.25));
  answer(1, success(0.75));
  const Evaluation evaluation = evaluation_of(stopped(), has_.at(1));
  EXPECT_EQ(evaluation.fitness, 0.25);
  EXPECT_EQ(evaluation.worker, 2);
}

TEST_F(CoordinatorTest, WhoStillHasACandidateThatHasItsResultIsToldToEndIt) {
  start();
  const IndividualId id = has_.at(1).id;
  pass_silence({2, 3, 4});
  answer(2, success());
  say(1, ProgressReport{});  // is back; now two have it
  answer(2, has_.at(1), success(0.25));
  for (const int rank : {2, 3, 4}) EXPECT_THAT(ranks_.take<Cancel>(rank), IsEmpty());
  EXPECT_THAT(new_work_and_cancelled(1), testing::Pair(IsEmpty(), testing::ElementsAre(id)));
  const std::size_t done = coordinator_->status().done;
  say(1, Cancelled{id});
  tick();
  EXPECT_EQ(coordinator_->status().done, done);
  EXPECT_THAT(new_work(1), SizeIs(1));
  EXPECT_EQ(evaluation_of(stopped(), has_.at(1)).worker, 2);
}

TEST_F(CoordinatorTest, WhoIsBackWithACandidateThatHasItsResultIsToldToEndIt) {
  start();
  const IndividualId id = has_.at(1).id;
  pass_silence({2, 3, 4});
  answer(2, success());
  answer(2, has_.at(1), success(0.25));
  EXPECT_THAT(ranks_.take<Cancel>(1), IsEmpty());  // nothing is sent to the silent
  say(1, ProgressReport{});
  EXPECT_THAT(new_work_and_cancelled(1), testing::Pair(IsEmpty(), testing::ElementsAre(id)));
  answer(1, success(0.75));  // was on its way
  EXPECT_THAT(new_work(1), SizeIs(1));
  EXPECT_EQ(evaluation_of(stopped(), has_.at(1)).fitness, 0.25);
}

TEST_F(CoordinatorTest, WhatARankEndsUnaskedIsGivenToAnother) {
  start();
  say(1, Cancelled{has_.at(1).id});
  say(1, Cancelled{has_.at(2).id});  // not its own
  answer(2, success());
  EXPECT_THAT(new_work(2), testing::ElementsAre(has_.at(1)));
}

TEST_F(CoordinatorTest, ARankWithFewerEvaluatorsGetsNoMoreThanTheyCanDo) {
  construct();
  for (int rank = 1; rank <= workers; ++rank) {
    Hello one = hello();
    one.evaluators = 2;
    say(rank, one);
  }
  tick();
  const auto given = new_work(1);
  ASSERT_THAT(given, SizeIs(2));
  EXPECT_EQ(coordinator_->status().workers, 8);
  say(1, CapacityReduced{1});
  EXPECT_EQ(coordinator_->status().workers, 7);
  answer(1, given[0], success());
  EXPECT_THAT(new_work(1), IsEmpty());
  answer(1, given[1], success());
  EXPECT_THAT(new_work(1), SizeIs(1));
}

TEST_F(CoordinatorTest, ARankThatIsHeardOfBeforeAnotherTookItsCandidateKeepsIt) {
  start();
  pass_silence({2, 3, 4});
  say(1, ProgressReport{});
  answer(2, success());
  EXPECT_NE(new_work(2).at(0).id, has_.at(1).id);
  EXPECT_EQ(coordinator_->status().lost_ranks, 0);
}

TEST_F(CoordinatorTest, NothingIsSentToASilentRankUntilItIsHeardOf) {
  start();
  pass_silence({2, 3, 4});
  EXPECT_THAT(ranks_.take<Heartbeat>(1), testing::Not(IsEmpty()));
  pass(2 * heartbeat, {2, 3, 4});
  EXPECT_THAT(ranks_.take<Heartbeat>(1), IsEmpty());
  answer(1, success());
  EXPECT_THAT(new_work(1), SizeIs(1));
  pass(heartbeat, {1, 2, 3, 4});
  EXPECT_THAT(ranks_.take<Heartbeat>(1), testing::Not(IsEmpty()));
}

TEST_F(CoordinatorTest, WhenItStoodStillItselfNobodyIsTakenForLost) {
  start();
  now_ += 1000s;
  tick();
  EXPECT_EQ(coordinator_->status().lost_ranks, 0);
  pass_silence({2, 3, 4});  // but who stays silent from then on is
  EXPECT_EQ(coordinator_->status().lost_ranks, 1);
}

TEST_F(CoordinatorTest, ACandidateWhoseWorkersAreLostThreeTimesIsToBlame) {
  start();
  const Candidate bad = has_.at(1);
  pass_silence({2, 3, 4});
  answer(2, success());
  ASSERT_THAT(new_work(2), testing::ElementsAre(bad));
  pass_silence({3, 4});
  answer(3, success());
  ASSERT_THAT(new_work(3), testing::ElementsAre(bad));
  pass_silence({4});
  const Evaluation evaluation = evaluation_of(stopped(), bad);
  EXPECT_EQ(evaluation.status, Status::crashed);
  EXPECT_THAT(evaluation.reason, HasSubstr("lost, 3 times"));
}

TEST_F(CoordinatorTest, ACrashIsTriedOnceMoreElsewhere) {
  start();
  const Candidate crashing = has_.at(1);
  answer(1, crash());
  EXPECT_EQ(coordinator_->status().failed, 0u);
  EXPECT_NE(new_work(1).at(0).id, crashing.id);
  answer(2, success());
  EXPECT_THAT(new_work(2), testing::ElementsAre(crashing));
  answer(2, crashing, crash("ended by signal 9"));
  EXPECT_EQ(coordinator_->status().failed, 1u);
  EXPECT_EQ(evaluation_of(stopped(), crashing).reason, "ended by signal 9");
}

TEST_F(CoordinatorTest, ACrashThatWasTheHostsDoesNotCount) {
  start();
  answer(1, crash());
  answer(2, success());
  answer(2, has_.at(1), success(0.9));
  EXPECT_EQ(coordinator_->status().failed, 0u);
  EXPECT_EQ(evaluation_of(stopped(), has_.at(1)).fitness, 0.9);
}

TEST_F(CoordinatorTest, WithoutAnotherWorkerACrashIsTriedAgainWhereItWas) {
  start();
  for (int rank = 2; rank <= workers; ++rank) coordinator_->died(rank);
  answer(1, crash());
  // First what the dead had, in the order it was lost.
  for (int rank = 2; rank <= workers; ++rank) answer(1, has_.at(rank), success());
  EXPECT_THAT(new_work(1), testing::ElementsAre(has_.at(2), has_.at(3), has_.at(4), has_.at(1)));
}

TEST_F(CoordinatorTest, ABrokenNodeSpoilsOnlyAFewCandidates) {
  options_.max_consecutive_failures = 5;
  options_.engine.evaluations = 200;
  start();
  // It fails at once, while an evaluation takes the others two rounds.
  for (int round = 0; !coordinator_->end(); ++round) {
    ASSERT_LT(round, 10'000);
    for (int rank = 1; rank <= workers && !coordinator_->end(); ++rank) {
      const bool bad = rank == 1;
      const auto id = has_.at(rank).id;
      if (bad || round % 2 == 0) {
        answer(rank, bad ? Evaluation::failure(Status::failed, "no device") : success());
      }
      for (const Candidate& next : new_work(rank)) has_.insert_or_assign(rank, next);
      if (has_.at(rank).id == id && coordinator_->status().done == 200) say(rank, Drained{});
    }
    tick();
  }
  EXPECT_EQ(coordinator_->end(), SearchEnd::finished);
  EXPECT_LE(coordinator_->status().failed, 10u);
  EXPECT_EQ(coordinator_->status().lost_ranks, 1);
}

TEST_F(CoordinatorTest, FailuresInSeriesEndTheSearchAndTheCommonestReasonIsTold) {
  options_.max_consecutive_failures = 10;
  start();
  testing::internal::CaptureStderr();
  for (int i = 0; i < 10; ++i) {
    const int rank = 1 + i % workers;
    answer(rank, Evaluation::failure(Status::failed, i % 3 == 0 ? "too hot" : "no device"));
    for (const Candidate& next : new_work(rank)) has_.insert_or_assign(rank, next);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("most often, 6 times: no device"));
  for (int rank = 1; rank <= workers; ++rank) say(rank, Drained{});
  tick();
  EXPECT_EQ(coordinator_->end(), SearchEnd::failures);
  EXPECT_EQ(saved(options_.run).progress.state, "stopped");
}

TEST_F(CoordinatorTest, WithoutWorkersItEndsAndSaves) {
  start();
  answer(1, success());
  for (int rank = 1; rank <= workers; ++rank) coordinator_->died(rank);
  tick();
  EXPECT_EQ(coordinator_->end(), SearchEnd::failures);
  const io::Snapshot snapshot = saved(options_.run);
  EXPECT_EQ(snapshot.progress.state, "stopped");
  EXPECT_THAT(snapshot.state.history, testing::Not(IsEmpty()));
  EXPECT_THAT(snapshot.state.in_flight, SizeIs(workers));
}

TEST_F(CoordinatorTest, AllSilentAtOnceMayComeBack) {
  start();
  pass_silence({});
  EXPECT_EQ(coordinator_->status().lost_ranks, workers);
  EXPECT_FALSE(coordinator_->end());
  say(3, ProgressReport{});
  tick();
  EXPECT_EQ(coordinator_->status().lost_ranks, workers - 1);
  pass(5 * heartbeat, {});
  EXPECT_EQ(coordinator_->end(), SearchEnd::failures);
}

TEST_F(CoordinatorTest, AllSilentAtOnceMayComeBackAfterAPauseOfTheWholeJob) {
  start();
  pass_silence({});
  now_ += 1000s;
  tick();
  EXPECT_FALSE(coordinator_->status().ending);
  say(3, ProgressReport{});
  tick();
  EXPECT_EQ(coordinator_->status().lost_ranks, workers - 1);
}

TEST_F(CoordinatorTest, ARankThatCanEvaluateNoMoreGivesItsCandidateToOthers) {
  start();
  say(1, Drained{"its device is gone"});
  answer(2, success());
  EXPECT_THAT(new_work(2), testing::ElementsAre(has_.at(1)));
  pass(3 * heartbeat, {1, 2, 3, 4});
  EXPECT_THAT(ranks_.take<Work>(1), IsEmpty());
  EXPECT_EQ(coordinator_->status().lost_ranks, 1);
  stopped();
  EXPECT_THAT(ranks_.take<Shutdown>(1), SizeIs(1));  // it waits for that
}

TEST_F(CoordinatorTest, ARankThatLeavesUnaskedGivesItsCandidateToOthers) {
  start();
  say(1, Drained{});
  answer(2, success());
  EXPECT_THAT(new_work(2), testing::ElementsAre(has_.at(1)));
  EXPECT_EQ(coordinator_->status().lost_ranks, 1);
}

TEST_F(CoordinatorTest, TheCandidateOfADeadRankIsGivenToAnotherAtOnce) {
  start();
  coordinator_->died(1);
  answer(2, success());
  EXPECT_THAT(new_work(2), testing::ElementsAre(has_.at(1)));
  answer(1, success(0.75));  // cannot come
  answer(2, has_.at(1), success(0.25));
  EXPECT_EQ(evaluation_of(stopped(), has_.at(1)).fitness, 0.25);
  EXPECT_THAT(ranks_.take<Shutdown>(1), IsEmpty());
}

TEST_F(CoordinatorTest, KnowsHowFarItsCandidatesAre) {
  start();
  const EvaluationProgress at{.repeat = 2, .step = 30, .steps = 100, .loss = 1.5};
  say(3, ProgressReport{{{has_.at(3).id, at}}});
  say(1, ProgressReport{{{has_.at(3).id, {}}}});  // not its own
  pass(6s, {1, 2, 3, 4});
  const auto progress = read_progress(options_.run);
  ASSERT_TRUE(progress);
  EXPECT_GE(progress->run.elapsed_seconds, 5.0);
  EXPECT_DOUBLE_EQ(progress->run.busy_seconds, progress->run.worker_seconds);
  EXPECT_EQ(progress->run.workers, workers);
  const auto& candidates = progress->candidates;
  EXPECT_THAT(candidates, SizeIs(workers));
  const auto found = std::find_if(candidates.begin(), candidates.end(),
                                  [&](const auto& one) { return one.id == has_.at(3).id; });
  ASSERT_NE(found, candidates.end());
  EXPECT_EQ(found->rank, 3);
  EXPECT_EQ(found->at.repeat, 2);
  EXPECT_EQ(found->at.step, 30);
  EXPECT_EQ(found->at.steps, 100);
  EXPECT_EQ(found->at.loss, 1.5);
  stopped();
  EXPECT_FALSE(read_progress(options_.run));
}

TEST_F(CoordinatorTest, TellsNothingInAFolderThatHasTakenTheRunsPlace) {
  start();
  std::filesystem::rename(options_.run, folder_.path() / "away");
  const RunDirectory other(options_.run);
  SearchProgress another;
  another.run.workers = 77;
  write_progress(other.path(), another);
  pass(6s, {1, 2, 3, 4});
  EXPECT_EQ(read_progress(other.path()).value().run.workers, 77);
  say(2, Stop{});
  tick();
  for (int rank = 1; rank <= workers; ++rank) say(rank, Drained{});
  EXPECT_THROW(pass(20s, {}), core::IoError);
  EXPECT_EQ(read_progress(other.path()).value().run.workers, 77);
}

TEST(SearchProgressFile, SurvivesAnyLossAndAnyContents) {
  const test::ScratchFolder folder;
  EXPECT_FALSE(read_progress(folder.path()));
  write_progress(folder.path(), {{}, {{IndividualId{4}, 2, {.loss = NAN}}}});
  const auto progress = read_progress(folder.path());
  ASSERT_TRUE(progress);
  ASSERT_THAT(progress->candidates, SizeIs(1));
  EXPECT_TRUE(std::isnan(progress->candidates[0].at.loss));
  for (const char* contents : {"", "[", "[3]", "{}", "{}x", "[{\"id\": 3}]"}) {
    std::ofstream(folder.path() / "progress.json") << contents;
    EXPECT_FALSE(read_progress(folder.path()));
  }
  write_progress(folder.path(), {});
  ASSERT_TRUE(read_progress(folder.path()));
  std::ofstream(folder.path() / "progress.json", std::ios::app)
      << std::string(core::longest_text_file, ' ');
  EXPECT_FALSE(read_progress(folder.path())) << "one that takes too much memory is not read";
  write_progress(folder.path() / "absent", {});  // nothing happens
}

TEST_F(CoordinatorTest, ResultsThatComeWhileItEndsCount) {
  start();
  say(4, Stop{});
  tick();
  for (int rank = 1; rank <= workers; ++rank) EXPECT_THAT(ranks_.take<Drain>(rank), SizeIs(1));
  answer(1, success(0.8));
  EXPECT_THAT(new_work(1), IsEmpty());
  for (int rank = 1; rank <= workers; ++rank) say(rank, Drained{});
  tick();
  EXPECT_EQ(coordinator_->end(), SearchEnd::saved);
  const io::Snapshot snapshot = saved(options_.run);
  EXPECT_EQ(evaluation_of(snapshot, has_.at(1)).fitness, 0.8);
  EXPECT_THAT(snapshot.state.in_flight, SizeIs(workers - 1));
  EXPECT_EQ(snapshot.progress.state, "saved");
}

TEST_F(CoordinatorTest, StoppedBeforeAllAreThereItSavesWhatWasThereBefore) {
  start();
  answer(1, success(0.8));
  coordinator_.reset();  // killed: only the journal has the result
  construct();
  const io::Snapshot snapshot = stopped();
  EXPECT_EQ(snapshot.progress.state, "saved");
  EXPECT_EQ(evaluation_of(snapshot, has_.at(1)).fitness, 0.8);
}

TEST_F(CoordinatorTest, AWorkerThatDoesNotLeaveIsNotWaitedForLongerThanTheGrace) {
  start();
  stop_ = [] { return true; };
  tick();
  for (int rank = 1; rank < workers; ++rank) say(rank, Drained{});
  pass(5s, {1, 2, 3, 4});
  EXPECT_FALSE(coordinator_->end());
  EXPECT_TRUE(coordinator_->status().ending);
  pass(5s, {1, 2, 3, 4});
  EXPECT_EQ(coordinator_->end(), SearchEnd::saved);
  EXPECT_FALSE(coordinator_->status().all_left);
  EXPECT_EQ(saved(options_.run).progress.state, "saved");
}

TEST_F(CoordinatorTest, ARankThatIsHeardOfAgainWhileItEndsIsToldToLeave) {
  start();
  pass_silence({2, 3, 4});
  say(2, Stop{});
  tick();
  EXPECT_THAT(ranks_.take<Drain>(1), IsEmpty());
  say(1, ProgressReport{});
  EXPECT_THAT(ranks_.take<Drain>(1), SizeIs(1));
  for (int rank = 2; rank <= workers; ++rank) say(rank, Drained{});
  tick();
  EXPECT_FALSE(coordinator_->end());  // it may still save, or bring a result
  say(1, Drained{});
  tick();
  EXPECT_EQ(coordinator_->end(), SearchEnd::saved);
  EXPECT_TRUE(coordinator_->status().all_left);
}

TEST_F(CoordinatorTest, WhoComesLateAndCannotTakePartDoesNotEndTheSearch) {
  construct();
  for (int rank = 1; rank < workers; ++rank) say(rank, hello());
  pass(3 * heartbeat + step, {1, 2, 3});
  EXPECT_THAT(new_work(1), SizeIs(1));
  Hello other = hello();
  other.fingerprint = options_.fingerprint + 1;
  say(workers, other);
  pass(heartbeat, {1, 2, 3, 4});
  EXPECT_THAT(new_work(workers), IsEmpty());
  EXPECT_EQ(coordinator_->status().lost_ranks, 1);
  EXPECT_FALSE(coordinator_->end());
}

// With the least of any rank, as a candidate may go to each of them.
TEST_F(CoordinatorTest, RefusesWhatSomeRankHasNoMemoryToTrain) {
  const auto given_work = [this](std::optional<double> limit, std::int64_t least) {
    options_.memory = TrainingMemory{.bytes = limit, .batch = 256, .crop = 24};
    options_.run += "-next";
    construct();
    for (int rank = 1; rank <= workers; ++rank) {
      Hello one = hello();
      one.evaluator_memory = rank == 2 ? least : std::int64_t{1} << 50;
      say(rank, one);
    }
    tick();
    const bool given = !new_work(1).empty();
    for (int rank = 2; rank <= workers; ++rank) EXPECT_EQ(new_work(rank).empty(), !given);
    return given;
  };
  EXPECT_FALSE(given_work({}, 1000));
  EXPECT_TRUE(given_work({}, std::int64_t{1} << 50));
  EXPECT_TRUE(given_work({}, 0));       // it does not know
  EXPECT_TRUE(given_work(1e15, 1000));  // --max-training-memory says what counts
  EXPECT_FALSE(given_work(1000.0, std::int64_t{1} << 50));
}

DataFacts some_data(const char* name = "flowers") {
  return {.input_channels = 1,
          .classes = 7,
          .fingerprint = 5,
          .image_size = 28,
          .name = name,
          .training_images = 30,
          .held_out_images = 10};
}

/// A run of some evaluations that have read some_data().
class BegunWithData : public CoordinatorTest {
 protected:
  BegunWithData() {
    start(some_data());
    answer(1, success());
    stopped();
  }
  void start(const std::optional<DataFacts>& data) {
    construct();
    for (int rank = 1; rank <= workers; ++rank) say(rank, hello(data));
    tick();
    for (int rank = 1; rank <= workers; ++rank) has_.insert_or_assign(rank, new_work(rank).at(0));
  }
  Hello hello(const std::optional<DataFacts>& data) const {
    Hello one = CoordinatorTest::hello();
    one.data = data;
    return one;
  }
  /// Why a rank with `data` is not taken at the start; nothing where it is.
  std::string refusal(const std::optional<DataFacts>& data) {
    ranks_.take_all(1);  // of an earlier start
    construct();
    try {
      for (int rank = 1; rank <= workers; ++rank) say(rank, hello(data));
      tick();
    } catch (const core::UsageError& error) {
      EXPECT_THAT(ranks_.take<Work>(1), IsEmpty());
      return error.what();
    }
    return "";
  }
  std::filesystem::path record() const { return options_.run / "data.json"; }
};

TEST_F(BegunWithData, TheSameDataByAnotherNameAreTaken) {
  EXPECT_EQ(recorded_data(options_.run), some_data());
  EXPECT_EQ(refusal(some_data("a copy of them")), "");
  EXPECT_EQ(recorded_data(options_.run), some_data());
}

TEST_F(BegunWithData, OtherDataAreRefusedWithBothAndTheRank) {
  const auto spoilt = [](auto member) {
    DataFacts other = some_data("trees");
    ++(other.*member);
    return other;
  };
  const DataFacts other_content = spoilt(&DataFacts::fingerprint);
  const std::vector<DataFacts> others = {
      spoilt(&DataFacts::classes), spoilt(&DataFacts::input_channels),
      spoilt(&DataFacts::image_size), spoilt(&DataFacts::training_images),
      spoilt(&DataFacts::held_out_images)};
  for (const DataFacts& other : others) EXPECT_NE(refusal(other), "");
  const std::string text = refusal(other_content);
  EXPECT_THAT(text, HasSubstr("Rank 1 on host cannot take part (its data differ from those that "
                              "the run in '" +
                              options_.run.string() + "' began with: 'trees' (30 images of "));
  EXPECT_THAT(text, HasSubstr("fingerprint 0000000000000006) instead of 'flowers' (30 images of "
                              "28×28 to train on and 10 to validate on, 7 classes, fingerprint "
                              "0000000000000005)). Use the data that the run began with"));
  EXPECT_EQ(recorded_data(options_.run), some_data());
  EXPECT_EQ(refusal(some_data()), "");
}

TEST_F(BegunWithData, NoDataAreOthersToo) {
  EXPECT_THAT(refusal({}), HasSubstr("no data were read, but those that the run in"));
}

TEST_F(BegunWithData, WhoComesLateWithOtherDataGetsNoWork) {
  construct();
  for (int rank = 1; rank < workers; ++rank) say(rank, hello(some_data()));
  pass(3 * heartbeat + step, {1, 2, 3});
  DataFacts other = some_data("trees");
  other.fingerprint = 6;
  testing::internal::CaptureStderr();
  say(workers, hello(other));
  pass(heartbeat, {1, 2, 3, 4});
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("Rank 4 on host can no longer evaluate (its data differ"));
  EXPECT_THAT(new_work(workers), IsEmpty());
  EXPECT_FALSE(coordinator_->end());
}

TEST_F(BegunWithData, ARunWithoutARecordGetsOne) {
  std::filesystem::remove(record());
  testing::internal::CaptureStderr();
  EXPECT_EQ(refusal(some_data("trees")), "");
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      HasSubstr("has no record of its data; assuming that it began with 'trees' (30 images"));
  EXPECT_EQ(recorded_data(options_.run), some_data("trees"));
}

TEST_F(BegunWithData, ADryRunComparesAndWritesNothing) {
  options_.dry_run = true;
  DataFacts other = some_data();
  other.fingerprint = 6;
  EXPECT_NE(refusal(other), "");
  std::filesystem::remove(record());
  EXPECT_EQ(refusal(other), "");
  EXPECT_FALSE(std::filesystem::exists(record()));
}

TEST_F(BegunWithData, ARecordThatCannotBeReadIsRefused) {
  for (const char* text : {"{", "[]", "{}", R"({"format": "hierevo.data-record", "version": 2})"}) {
    core::replace_file(record(), std::string_view(text));
    try {
      construct();
      FAIL() << text;
    } catch (const core::CheckpointError& error) {
      EXPECT_THAT(error.what(), HasSubstr("data.json': it does not say which data were read"));
    }
  }
}

TEST_F(CoordinatorTest, WithoutDataThereIsNoRecord) {
  start();
  answer(1, success());
  stopped();
  EXPECT_FALSE(std::filesystem::exists(options_.run / "data.json"));
}

TEST_F(CoordinatorTest, WhoComesLateTakesPart) {
  construct();
  for (int rank = 1; rank < workers; ++rank) say(rank, hello());
  pass(3 * heartbeat + step, {1, 2, 3});
  say(workers, hello());
  tick();
  EXPECT_THAT(new_work(workers), SizeIs(1));
  EXPECT_EQ(coordinator_->status().lost_ranks, 0);
}

TEST_F(CoordinatorTest, NotAllIsReadyWithoutOneRank) {
  options_.dry_run = true;
  construct();
  for (int rank = 1; rank < workers; ++rank) say(rank, hello());
  pass(3 * heartbeat + step, {1, 2, 3});
  for (int rank = 1; rank < workers; ++rank) say(rank, Drained{});
  tick();
  EXPECT_EQ(coordinator_->end(), SearchEnd::failures);
}

}  // namespace
}  // namespace hierevo::search
