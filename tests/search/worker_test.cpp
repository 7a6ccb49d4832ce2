// The worker alone: the test plays the coordinator and the evaluators, and is the clock.
#include "worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "hierevo/core/random.hpp"
#include "hierevo/genome/mutation.hpp"
#include "search/recorded_messages.hpp"
#include "search/search_cases.hpp"

namespace hierevo::search {
namespace {

using namespace std::chrono_literals;
using evolution::Evaluation;
using evolution::IndividualId;
using evolution::Status;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// Does nothing by itself.
class PlayedEvaluators final : public Evaluators {
 public:
  std::size_t count() const override { return 2; }
  void begin(const Work& work) override { begun.push_back(work); }
  void save(IndividualId id) override { to_save.insert(id); }
  void kill(IndividualId id) override { killed.insert(id); }
  std::optional<Event> next() override {
    if (events.empty() && endless) return Progress{};
    if (events.empty()) return std::nullopt;
    Event event = std::move(events.front());
    events.pop_front();
    return event;
  }
  int descriptor() const override { return -1; }

  std::vector<Work> begun;
  std::set<IndividualId> to_save;
  std::set<IndividualId> killed;
  std::deque<Event> events;
  bool endless = false;  ///< reports of progress follow
};

class WorkerTest : public testing::Test {
 protected:
  static constexpr auto heartbeat = 4s;
  static constexpr auto grace = 10s;

  WorkerTest() {
    options_.heartbeat = heartbeat;
    options_.grace = grace;
    options_.timeout = 100s;
  }

  Worker& worker() {
    if (!worker_) {
      worker_.emplace(ranks_, options_, &evaluators_, "");
      now_ = Worker::Clock::now();
    }
    return *worker_;
  }
  void hear(const AnyMessage& message) { worker().handle(message, now_); }
  void tick() { worker().tick(now_); }
  IndividualId begin_work(std::uint64_t id = 7) {
    core::RandomStream random(id);
    const auto space = genome::SearchSpace::hierarchical();
    hear(Work{{IndividualId{id}, {}, 5, genome::random_genotype(space, random, 10)}});
    tick();
    return IndividualId{id};
  }
  void end_work(IndividualId id, std::optional<Evaluation> evaluation) {
    evaluators_.events.push_back(Evaluators::Ended{id, std::move(evaluation)});
    tick();
  }
  /// Time passes, in which the coordinator is heard of, or not.
  void pass(std::chrono::milliseconds time, bool coordinator_is_there = true) {
    for (auto passed = 0ms; passed < time; passed += 500ms) {
      now_ += 500ms;
      if (coordinator_is_there) hear(Heartbeat{});
      tick();
    }
  }
  std::vector<Status> results() {
    std::vector<Status> statuses;
    for (const Result& result : ranks_.take<Result>(0)) {
      statuses.push_back(result.evaluation.status);
    }
    return statuses;
  }

  SearchOptions options_ = small_search("unused");
  RecordedMessages ranks_{1, 2};
  PlayedEvaluators evaluators_;
  std::optional<Worker> worker_;
  Worker::Clock::time_point now_;
};

TEST_F(WorkerTest, SaysHelloWhenItsEvaluatorsAreReady) {
  tick();
  EXPECT_THAT(ranks_.take<Hello>(0), IsEmpty());
  evaluators_.events.push_back(Evaluators::Ready{});
  tick();
  const auto hellos = ranks_.take<Hello>(0);
  ASSERT_THAT(hellos, SizeIs(1));
  EXPECT_EQ(hellos[0].evaluators, 2u);
}

TEST_F(WorkerTest, SaysWhatMemoryItsEvaluatorsKnowOfOrElseItsOwn) {
  options_.evaluator_memory = 100;
  for (const auto& [known, told] : {std::pair{0, 100}, {40, 40}, {200, 200}}) {
    worker_.emplace(ranks_, options_, &evaluators_, "");
    evaluators_.events.push_back(
        Evaluators::Ready{.data = {}, .error = "", .evaluator_memory = known});
    worker().tick(now_);
    const auto hellos = ranks_.take<Hello>(0);
    ASSERT_THAT(hellos, SizeIs(1));
    EXPECT_EQ(hellos[0].evaluator_memory, told);
  }
}

TEST_F(WorkerTest, SaysNoHelloWhenItIsToLeave) {
  hear(Drain{});
  tick();
  evaluators_.events.push_back(Evaluators::Ready{});
  tick();
  EXPECT_THAT(ranks_.take<Hello>(0), IsEmpty());
}

TEST_F(WorkerTest, EventsWithoutEndKeepItFromNothing) {
  evaluators_.endless = true;
  hear(Shutdown{});
  tick();
  EXPECT_EQ(worker().end(), SearchEnd::finished);
}

TEST_F(WorkerTest, BeatsSayHowFarItIs) {
  const auto id = begin_work();
  evaluators_.events.push_back(Evaluators::Progress{id, {.repeat = 1, .step = 20, .loss = 2.5}});
  tick();
  ranks_.take<ProgressReport>(0);
  pass(heartbeat);
  const auto report = ranks_.take<ProgressReport>(0);
  EXPECT_GE(report.size(), 3u);
  ASSERT_THAT(report.back().parts, SizeIs(1));
  EXPECT_EQ(report.back().parts[0].id, id);
  EXPECT_EQ(report.back().parts[0].at.step, 20);
  EXPECT_EQ(report.back().parts[0].at.loss, 2.5);
}

TEST_F(WorkerTest, WhenRankZeroIsSilentForLongItSavesAndLeaves) {
  const auto id = begin_work();
  pass(3 * heartbeat, false);
  EXPECT_THAT(evaluators_.to_save, IsEmpty());
  pass(1s, false);
  EXPECT_THAT(evaluators_.to_save, ElementsAre(id));
  EXPECT_FALSE(worker().end());
  ranks_.take<ProgressReport>(0);
  end_work(id, std::nullopt);
  EXPECT_EQ(worker().end(), SearchEnd::saved);
  EXPECT_THAT(ranks_.take<Drained>(0), IsEmpty());  // it would never arrive
  EXPECT_THAT(ranks_.given_up, ElementsAre(0));
}

TEST_F(WorkerTest, StaysAsLongAsRankZeroIsThere) {
  begin_work();
  pass(20 * heartbeat);
  EXPECT_THAT(evaluators_.to_save, IsEmpty());
}

TEST_F(WorkerTest, AfterAPauseOfTheWholeJobItGoesOn) {
  begin_work();
  now_ += 1000s;
  tick();
  EXPECT_THAT(evaluators_.to_save, IsEmpty());
  pass(4 * heartbeat, false);  // but rank 0 has to come back too
  EXPECT_THAT(evaluators_.to_save, SizeIs(1));
}

TEST_F(WorkerTest, LeavesAtOnceWhenRankZeroIsKnownToBeDead) {
  const auto id = begin_work();
  worker().coordinator_died();
  tick();
  EXPECT_THAT(evaluators_.to_save, ElementsAre(id));
  end_work(id, std::nullopt);
  EXPECT_EQ(worker().end(), SearchEnd::saved);
}

TEST_F(WorkerTest, WhatEndsAfterAllWhileItLeavesIsAResult) {
  const auto first = begin_work(7);
  const auto second = begin_work(8);
  hear(Drain{});
  tick();
  EXPECT_THAT(evaluators_.to_save, ElementsAre(first, second));
  end_work(first, Evaluation{});
  EXPECT_THAT(results(), ElementsAre(Status::evaluated));
  end_work(second, std::nullopt);
  const auto lefts = ranks_.take<Drained>(0);
  ASSERT_THAT(lefts, SizeIs(1));
  EXPECT_THAT(lefts[0].error, IsEmpty());
}

TEST_F(WorkerTest, WaitsForTheEndOfTheSearch) {
  hear(Drain{});
  pass(20 * grace);
  EXPECT_FALSE(worker().end());
  hear(Shutdown{});
  tick();
  EXPECT_EQ(worker().end(), SearchEnd::finished);
}

TEST_F(WorkerTest, DoesNotWaitForTheEndWhenRankZeroIsLost) {
  hear(Drain{});
  pass(3 * heartbeat + 1s, false);
  EXPECT_EQ(worker().end(), SearchEnd::saved);
}

TEST_F(WorkerTest, AnEvaluatorThatDoesNotSaveIsKilledWithinTheGrace) {
  const auto id = begin_work();
  hear(Drain{});
  tick();
  pass(5s);
  EXPECT_THAT(evaluators_.killed, IsEmpty());
  pass(3s);
  EXPECT_THAT(evaluators_.killed, ElementsAre(id));
  end_work(id, std::nullopt);
  EXPECT_THAT(results(), IsEmpty());  // the next start goes on with it
  hear(Shutdown{});
  tick();
  EXPECT_EQ(worker().end(), SearchEnd::finished);
}

TEST_F(WorkerTest, AnEvaluatorThatCannotBeKilledIsNotWaitedForLongerThanTheGrace) {
  const auto id = begin_work();
  hear(Drain{});
  tick();
  pass(8s);
  EXPECT_THAT(evaluators_.killed, ElementsAre(id));
  EXPECT_THAT(ranks_.take<Drained>(0), IsEmpty());
  pass(1s);
  EXPECT_THAT(ranks_.take<Drained>(0), SizeIs(1));
  EXPECT_FALSE(worker().end());
  hear(Shutdown{});
  tick();
  EXPECT_EQ(worker().end(), SearchEnd::finished);
}

TEST_F(WorkerTest, WhenRankZeroIsLostAnEvaluatorThatCannotBeKilledDoesNotKeepIt) {
  begin_work();
  worker().coordinator_died();
  tick();
  pass(grace, false);
  EXPECT_EQ(worker().end(), SearchEnd::saved);
}

TEST_F(WorkerTest, WhenItCanEvaluateNoMoreItSaysSoAndWaitsForTheEnd) {
  begin_work();
  evaluators_.events.push_back(Evaluators::Broken{"its device is gone"});
  tick();
  const auto lefts = ranks_.take<Drained>(0);
  ASSERT_THAT(lefts, SizeIs(1));
  EXPECT_EQ(lefts[0].error, "its device is gone");
  pass(20 * heartbeat);
  EXPECT_FALSE(worker().end());
  EXPECT_THAT(ranks_.take<ProgressReport>(0), Not(IsEmpty()));
  hear(Shutdown{});
  tick();
  EXPECT_EQ(worker().end(), SearchEnd::failures);
}

TEST_F(WorkerTest, ALateEvaluationIsKilledAndTimedOut) {
  const auto id = begin_work();
  pass(100s);
  EXPECT_THAT(evaluators_.killed, IsEmpty());
  pass(1s);
  EXPECT_THAT(evaluators_.killed, ElementsAre(id));
  end_work(id, std::nullopt);
  EXPECT_THAT(results(), ElementsAre(Status::timed_out));
}

TEST_F(WorkerTest, APauseOfTheWholeJobIsNoTimeOfAnEvaluation) {
  const auto id = begin_work();
  pass(60s);
  now_ += 1000s;
  tick();
  pass(30s);
  EXPECT_THAT(evaluators_.killed, IsEmpty());
  pass(11s);
  EXPECT_THAT(evaluators_.killed, ElementsAre(id));
}

TEST_F(WorkerTest, WhatIsCancelledIsKilledAndIsNoResult) {
  const auto first = begin_work(7);
  const auto second = begin_work(8);
  hear(Cancel{first});
  hear(Cancel{second});
  EXPECT_THAT(evaluators_.killed, ElementsAre(first, second));
  end_work(first, std::nullopt);
  const auto third = begin_work(9);  // there is a place again
  // Whatever it comes to, which may have been on its way: it is over, and not tried again.
  end_work(second, Evaluation::failure(Status::out_of_memory, "no more"));
  EXPECT_THAT(evaluators_.begun, SizeIs(3));
  pass(101s);
  end_work(third, std::nullopt);
  EXPECT_THAT(ranks_.take<Result>(0), SizeIs(1));  // of the third
}

TEST_F(WorkerTest, AnswersToEachCancelOfWhatIsUnderWay) {
  const auto id = begin_work();
  hear(Cancel{IndividualId{99}});
  hear(Cancel{id});
  hear(Cancel{id});
  end_work(id, std::nullopt);
  hear(Cancel{id});
  tick();
  const auto cancelled = ranks_.take<Cancelled>(0);
  ASSERT_THAT(cancelled, SizeIs(1));
  EXPECT_EQ(cancelled[0].id, id);
}

TEST_F(WorkerTest, SaysWhenItHasFewerEvaluatorsAndStillTakesWhatIsOnItsWay) {
  begin_work(7);
  evaluators_.events.push_back(Evaluators::CapacityReduced{1});
  tick();
  const auto reduced = ranks_.take<CapacityReduced>(0);
  ASSERT_THAT(reduced, SizeIs(1));
  EXPECT_EQ(reduced[0].evaluators, 1u);
  begin_work(8);
  EXPECT_THAT(evaluators_.begun, SizeIs(2));
}

TEST_F(WorkerTest, ForWantOfMemoryItTriesSmallerPartsUpToABound) {
  const auto id = begin_work();
  const auto exhausted = Evaluation::failure(Status::out_of_memory, "no more");
  for (const int parts : {1, 2, 4, 8, 16}) {
    ASSERT_THAT(results(), IsEmpty());
    EXPECT_EQ(evaluators_.begun.back().memory_parts, parts);
    end_work(id, exhausted);
  }
  EXPECT_THAT(results(), ElementsAre(Status::out_of_memory));
}

TEST_F(WorkerTest, WhatTheNextStartMayTryWithLessMemoryIsNoResultWhileItLeaves) {
  const auto exhausted = Evaluation::failure(Status::out_of_memory, "no more");
  const auto first = begin_work(7);
  const auto second = begin_work(8);
  for (int parts = 1; parts < 16; parts *= 2) end_work(first, exhausted);
  evaluators_.begun.clear();
  hear(Drain{});
  tick();
  end_work(second, exhausted);
  EXPECT_THAT(results(), IsEmpty());
  end_work(first, exhausted);  // in as many parts as may be
  EXPECT_THAT(results(), ElementsAre(Status::out_of_memory));
  EXPECT_THAT(evaluators_.begun, IsEmpty());
}

TEST_F(WorkerTest, WhatIsTooLateIsNotTriedWithLessMemory) {
  const auto id = begin_work();
  pass(101s);
  ASSERT_THAT(evaluators_.killed, ElementsAre(id));
  end_work(id, Evaluation::failure(Status::out_of_memory, "no more"));  // just before its end
  EXPECT_THAT(evaluators_.begun, SizeIs(1));
  EXPECT_THAT(results(), ElementsAre(Status::out_of_memory));
}

}  // namespace
}  // namespace hierevo::search
