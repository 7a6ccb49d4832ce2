// Evaluators in processes of their own, which are started for real.
#include "hierevo/search/evaluator_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include "evaluator_behaviour.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/search/evaluation_server.hpp"
#include "support/process_watch.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using evolution::IndividualId;
using evolution::Status;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using Ended = Evaluators::Ended;
using Ready = Evaluators::Ready;
using Broken = Evaluators::Broken;
using CapacityReduced = Evaluators::CapacityReduced;
using Progress = Evaluators::Progress;

/// A rank's part in it.
class Rank {
 public:
  explicit Rank(const std::string& how = "serve", std::size_t count = 1,
                const std::string& setup = "setup",
                std::chrono::duration<double> start_limit = std::chrono::minutes(10),
                std::optional<std::uint64_t> memory_limit = {},
                const std::string& program = HIEREVO_EVALUATOR_PROGRAM,
                std::chrono::duration<double> retry_limit = std::chrono::seconds(0)) {
    EvaluatorPoolOptions options;
    options.start_limit = start_limit;
    options.retry_limit = retry_limit;
    options.evaluators.resize(count);
    for (auto& one : options.evaluators) {
      one.order.command = {program, how};
      one.order.memory_limit = memory_limit;
      one.setup = setup;
    }
    evaluators_ = make_evaluator_pool(supervisor_, std::move(options));
  }
  /// One evaluator for each of `setups`.
  Rank(const std::string& how, const std::vector<std::string>& setups) {
    EvaluatorPoolOptions options;
    for (const std::string& setup : setups) {
      options.evaluators.push_back({.order = {}, .setup = setup});
      options.evaluators.back().order.command = {HIEREVO_EVALUATOR_PROGRAM, how};
    }
    evaluators_ = make_evaluator_pool(supervisor_, std::move(options));
  }

  Evaluators& evaluators() { return *evaluators_; }
  const process::Supervisor& supervisor() const { return supervisor_; }

  /// The next event, which must be of this kind; reports of progress are passed over.
  template <typename Kind>
  Kind next() {
    while (true) {
      const auto event = next_of_any_kind();
      if (!event) return {};
      if (const auto* wanted = std::get_if<Kind>(&*event)) return *wanted;
      if (std::holds_alternative<Progress>(*event)) continue;
      ADD_FAILURE() << "another event: " << event->index();
      return {};
    }
  }

  /// Of candidate `id`.
  evolution::Evaluation result(std::uint64_t id) {
    const Ended end = next<Ended>();
    EXPECT_EQ(end.id, IndividualId{id});
    EXPECT_TRUE(end.evaluation);
    return end.evaluation.value_or(evolution::Evaluation{});
  }
  /// Of candidate `id`, whose evaluation is begun.
  evolution::Evaluation evaluated(std::uint64_t id, Behaviour behaviour) {
    evaluators().begin(work(id, behaviour));
    return result(id);
  }
  void expect_no_result(std::uint64_t id) {
    const Ended end = next<Ended>();
    EXPECT_EQ(end.id, IndividualId{id});
    EXPECT_FALSE(end.evaluation);
  }
  void expect_success(std::uint64_t id) {
    EXPECT_EQ(evaluated(id, Behaviour::succeed).fitness, fitness_of(id));
  }
  /// Waits until the candidate is being evaluated.
  void expect_progress(std::uint64_t id) { EXPECT_EQ(next<Progress>().id, IndividualId{id}); }
  /// Nothing has happened, and nothing says that something had.
  void expect_silence() {
    EXPECT_FALSE(evaluators_->next());
    EXPECT_FALSE(test::becomes_readable(evaluators_->descriptor(), 0));
  }

 private:
  std::optional<Evaluators::Event> next_of_any_kind() {
    // As a rank does it: not every look has something to read.
    for (int waited = 0; waited < test::patience_ms; waited += longest_wait_ms) {
      if (auto event = evaluators_->next()) return event;
      test::becomes_readable(evaluators_->descriptor(), longest_wait_ms);
    }
    ADD_FAILURE() << "no event came";
    return std::nullopt;
  }

  static constexpr int longest_wait_ms = 50;
  process::Supervisor supervisor_;
  std::unique_ptr<Evaluators> evaluators_;
};

/// Tells evaluators started with "as told" what to do as they start.
class Orders {
 public:
  explicit Orders(const std::string& first) { set(first); }
  void set(const std::string& order) const { std::ofstream(path()) << order << std::flush; }
  std::string path() const { return folder_.path() / "orders"; }

 private:
  test::ScratchFolder folder_;
};

/// Keeps what evaluators print from the test's own output; gives it.
template <typename Part>
std::string printed_by(const Part& part) {
  testing::internal::CaptureStderr();
  part();
  return testing::internal::GetCapturedStderr();
}

TEST(EvaluatorPool, AreReadyOnceAndEvaluate) {
  Rank rank("serve", 2, "four");
  EXPECT_EQ(rank.evaluators().count(), 2u);
  const auto ready = rank.next<Ready>();
  EXPECT_EQ(ready.error, "");
  EXPECT_EQ(ready.data, (DataFacts{1, 7, 4}));
  for (std::uint64_t id = 1; id <= 50; ++id) rank.expect_success(id);
  rank.expect_silence();
}

TEST(EvaluatorPool, ReportTheMemoryOfTheOneThatHasLeast) {
  for (const auto& [memories, least] :
       {std::pair<std::vector<std::string>, std::int64_t>{{"7000000000"}, 7'000'000'000},
        {{"90", "80", "85"}, 80},
        {{"80", "90", "85"}, 80},
        {{"90", "0"}, 0}}) {
    EXPECT_EQ(Rank("memory", memories).next<Ready>().evaluator_memory, least);
  }
}

TEST(EvaluatorPool, WorkAtTheSameTime) {
  Rank rank("serve", 2);
  rank.next<Ready>();
  rank.evaluators().begin(work(1, Behaviour::go_on_until_asked));
  rank.expect_success(2);
  EXPECT_NO_THROW(rank.evaluators().begin(work(3, Behaviour::go_on_until_asked)));
  EXPECT_THROW(rank.evaluators().begin(work(4, Behaviour::succeed)), core::InternalError);
  rank.evaluators().save(IndividualId{3});
  rank.expect_no_result(3);
  rank.evaluators().save(IndividualId{1});
  rank.expect_no_result(1);
}

TEST(EvaluatorPool, TellHowFarACandidateIs) {
  Rank rank;
  rank.next<Ready>();
  rank.evaluators().begin(work(1, Behaviour::go_on_until_asked));
  const auto first = rank.next<Progress>();
  EXPECT_EQ(first.id, IndividualId{1});
  EXPECT_EQ(first.at.repeat, 1);
  EXPECT_EQ(first.at.steps, 100);
  EXPECT_GT(rank.next<Progress>().at.step, first.at.step);
  rank.evaluators().save(IndividualId{1});
  rank.expect_no_result(1);
  rank.expect_success(2);
}

TEST(EvaluatorPool, OneThatIsAskedToSaveTooLateAsksNothingOfTheNext) {
  Rank rank;
  rank.next<Ready>();
  for (std::uint64_t id = 1; id <= 30; ++id) {
    rank.evaluators().begin(work(id, Behaviour::succeed));
    rank.evaluators().save(IndividualId{id});  // it does not look before it has its result
    EXPECT_EQ(rank.result(id).fitness, fitness_of(id));
  }
  rank.evaluators().save(IndividualId{30});
  rank.expect_success(31);
}

TEST(EvaluatorPool, KillEndsOneThatHangs) {
  Rank rank;
  rank.next<Ready>();
  for (std::uint64_t id = 1; id < 6; id += 2) {
    rank.evaluators().begin(work(id, Behaviour::hang));
    rank.evaluators().kill(IndividualId{id});
    rank.expect_no_result(id);
    rank.expect_success(id + 1);
  }
}

TEST(EvaluatorPool, ForOneThatIsKilledTheNextWaits) {
  Rank rank;
  rank.next<Ready>();
  rank.evaluators().begin(work(1, Behaviour::go_on_until_asked));
  rank.expect_progress(1);
  rank.evaluators().kill(IndividualId{1});
  rank.expect_no_result(1);
  rank.evaluators().begin(work(2, Behaviour::hang));
  rank.evaluators().kill(IndividualId{2});  // begun or not
  EXPECT_EQ(rank.next<Ended>().id, IndividualId{2});
  rank.evaluators().begin(work(3, Behaviour::go_on_until_asked));
  rank.evaluators().save(IndividualId{3});
  rank.expect_no_result(3);
  rank.expect_success(4);
}

/// Whichever comes first, the candidate ends once and nothing is mixed up.
TEST(EvaluatorPool, AKillMayMeetAResult) {
  Rank rank("serve", 2);
  rank.next<Ready>();
  for (std::uint64_t id = 1; id <= 100; id += 2) {
    rank.evaluators().begin(work(id, Behaviour::succeed));
    rank.evaluators().kill(IndividualId{id});
    const Ended end = rank.next<Ended>();
    EXPECT_EQ(end.id, IndividualId{id});
    if (end.evaluation) {
      EXPECT_EQ(end.evaluation->fitness, fitness_of(id));
    }
    rank.expect_success(id + 1);
  }
}

TEST(EvaluatorPool, ACrashIsAValueWithItsReason) {
  Rank rank;
  rank.next<Ready>();
  const std::string printed = printed_by([&] {
    const auto evaluation = rank.evaluated(1, Behaviour::crash);
    EXPECT_EQ(evaluation.status, Status::crashed);
    EXPECT_EQ(evaluation.reason,
              "ended by signal 6 (Aborted); its last lines: first line | the last straw");
    rank.expect_success(2);
  });
  EXPECT_THAT(printed, HasSubstr("the last straw\n"));
}

TEST(EvaluatorPool, OneThatHasLostItsDeviceIsStartedAgain) {
  Rank rank;
  rank.next<Ready>();
  printed_by([&] {
    for (std::uint64_t id = 1; id <= 5; id += 2) {
      const auto evaluation = rank.evaluated(id, Behaviour::lose_device);
      EXPECT_EQ(evaluation.status, Status::crashed);
      EXPECT_EQ(evaluation.reason, "exited with code 4; its last lines: the GPU has failed");
      rank.expect_success(id + 1);
    }
  });
}

TEST(EvaluatorPool, WantOfMemoryIsToldFromACrash) {
  Rank rank;
  rank.next<Ready>();
  const auto evaluation = rank.evaluated(1, Behaviour::want_memory);
  EXPECT_EQ(evaluation.status, Status::out_of_memory);
  EXPECT_EQ(evaluation.reason, "ran out of memory");
  rank.expect_success(2);
}

TEST(EvaluatorPool, AnExceptionIsAFailureOfTheCandidateOnly) {
  Rank rank;
  rank.next<Ready>();
  const auto evaluation = rank.evaluated(1, Behaviour::throw_error);
  EXPECT_EQ(evaluation.status, Status::failed);
  EXPECT_EQ(evaluation.reason, "cannot do it");
  rank.expect_success(2);
}

TEST(EvaluatorPool, WhatIsOutOfBoundsIsAFailureOfTheCandidateOnly) {
  Rank rank;
  rank.next<Ready>();
  for (std::uint64_t id = 1; id <= kinds_out_of_bounds; ++id) {
    const auto evaluation = rank.evaluated(id, Behaviour::out_of_bounds);
    EXPECT_EQ(evaluation.status, Status::failed);
    EXPECT_THAT(evaluation.reason, HasSubstr("the evaluator gave "));
    rank.expect_success(id + 100);
  }
}

TEST(EvaluatorPool, WhatAnEvaluatorStartsHasNotItsWayToTheRank) {
  Rank rank;
  rank.next<Ready>();
  rank.evaluators().begin(work(1, Behaviour::run_a_program));
  EXPECT_EQ(rank.result(1).reason, "");
}

TEST(EvaluatorPool, OutputOfAnyLengthIsPassedOn) {
  Rank rank;
  rank.next<Ready>();
  const std::string printed = printed_by([&] {
    rank.evaluators().begin(work(1, Behaviour::print_much));
    EXPECT_EQ(rank.result(1).fitness, fitness_of(1));
    rank.evaluators().begin(work(2, Behaviour::crash));
    const std::string reason = rank.result(2).reason;
    EXPECT_LT(reason.size(), 1200u);
    EXPECT_THAT(reason, EndsWith("; its last lines: the last straw"));
  });
  EXPECT_GT(printed.size(), 10u << 20);
}

TEST(EvaluatorPool, OneThatPrintsWithoutEndKeepsTheRankFromNothing) {
  Rank rank("serve", 2);
  rank.next<Ready>();
  printed_by([&] {
    rank.evaluators().begin(work(1, Behaviour::print_on));
    rank.expect_success(2);
    rank.evaluators().save(IndividualId{1});
    rank.expect_no_result(1);
  });
}

TEST(EvaluatorPool, WhatIsNoMessageIsIgnoredWithAWarning) {
  Rank rank;
  rank.next<Ready>();
  const std::string log = printed_by([&] {
    rank.evaluators().begin(work(1, Behaviour::send_garbage));
    EXPECT_EQ(rank.result(1).fitness, fitness_of(1));
  });
  EXPECT_THAT(
      log, AllOf(HasSubstr("is not of the protocol"), HasSubstr("Ignoring an unexpected message")));
  rank.expect_success(2);
}

TEST(EvaluatorPool, WorkThatIsGivenBeforeOneIsReadyIsDoneThen) {
  const test::ScratchFolder folder;
  const std::string fifo = folder.path() / "go";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  Rank rank("wait", 1, fifo);
  rank.evaluators().begin(work(1, Behaviour::go_on_until_asked));
  rank.evaluators().save(IndividualId{1});
  rank.expect_no_result(1);  // it had not begun
  rank.evaluators().begin(work(2, Behaviour::hang));
  rank.evaluators().kill(IndividualId{2});
  EXPECT_EQ(rank.result(2).status, Status::crashed);  // the start was slow, not the candidate
  rank.evaluators().begin(work(3, Behaviour::succeed));
  EXPECT_FALSE(rank.evaluators().next());
  std::ofstream(fifo) << "go" << std::flush;
  EXPECT_EQ(rank.next<Ready>().error, "");
  EXPECT_EQ(rank.result(3).fitness, fitness_of(3));
}

TEST(EvaluatorPool, ThreeStartsInVainAreEnough) {
  printed_by([&] {
    Rank rank("fail", 2);
    EXPECT_EQ(rank.next<Ready>().error,
              "the evaluator '" HIEREVO_EVALUATOR_PROGRAM
              "' could not be started: exited with code 7; its last lines: no such library");
    rank.evaluators().begin(work(1, Behaviour::succeed));  // nobody will, and nothing breaks
    rank.evaluators().save(IndividualId{1});
    rank.evaluators().kill(IndividualId{1});
    rank.expect_silence();
  });
}

TEST(EvaluatorPool, AStartInVainNamesTheLimitOfMemory) {
  printed_by([&] {
    Rank rank("fail", 1, "setup", std::chrono::minutes(10), std::uint64_t{3} << 29);
    EXPECT_THAT(rank.next<Ready>().error, HasSubstr("within 1.5 GiB of address space"));
  });
}

TEST(EvaluatorPool, AProgramThatCannotEvaluateSaysWhy) {
  Rank rank("refuse");
  EXPECT_EQ(rank.next<Ready>().error, "there are no data: setup");
  rank.expect_silence();
}

TEST(EvaluatorPool, AStartThatHangsIsInVain) {
  printed_by([&] {
    const Orders orders("hang");
    Rank rank("as told", 1, orders.path(), std::chrono::milliseconds(10));
    EXPECT_EQ(rank.next<Ready>().error, "the evaluator '" HIEREVO_EVALUATOR_PROGRAM
                                        "' could not be started: it was not ready after 0.01 s");
    rank.expect_silence();
  });
}

/// One of two evaluators crashes, and starts again after `order`. Gives what becomes of the other.
std::string reason_of_the_last(const std::string& order) {
  const Orders orders("1");
  Rank rank("as told", 2, orders.path());
  EXPECT_EQ(rank.next<Ready>().error, "");
  orders.set(order);
  rank.evaluators().begin(work(1, Behaviour::crash));
  EXPECT_EQ(rank.result(1).status, Status::crashed);
  EXPECT_EQ(rank.next<CapacityReduced>().left, 1u);
  // As many as before are taken, and done one after the other.
  for (std::uint64_t id = 2; id < 200; id += 2) {
    rank.evaluators().begin(work(id, Behaviour::succeed));
    rank.evaluators().begin(work(id + 1, Behaviour::succeed));
    EXPECT_EQ(rank.result(id).fitness, fitness_of(id));
    EXPECT_EQ(rank.result(id + 1).fitness, fitness_of(id + 1));
  }
  EXPECT_EQ(rank.evaluators().count(), 2u);
  rank.evaluators().begin(work(200, Behaviour::crash));
  EXPECT_EQ(rank.result(200).status, Status::crashed);
  std::string reason = rank.next<Broken>().reason;
  rank.expect_silence();
  return reason;
}

TEST(EvaluatorPool, OneThatCannotStartAgainLeavesTheOthersAtWork) {
  const std::string log = printed_by([&] {
    EXPECT_THAT(reason_of_the_last("refuse"), HasSubstr("there are no data"));
    EXPECT_THAT(reason_of_the_last("end"), HasSubstr("could not be started: exited with code 7"));
  });
  EXPECT_THAT(log, HasSubstr("continues with 1 of 2 evaluators: there are no data"));
}

TEST(EvaluatorPool, OneThatReadsOtherDataThanTheFirstIsRefused) {
  printed_by([&] { EXPECT_THAT(reason_of_the_last("2"), HasSubstr("other data")); });
}

TEST(EvaluatorPool, ARestartWithoutDescriptorsIsTheEndInOrder) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's own checks need descriptors";
#endif
  printed_by([&] {
    Rank rank;
    rank.next<Ready>();
    rank.evaluators().begin(work(1, Behaviour::crash));
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{3, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    EXPECT_EQ(rank.result(1).status, Status::crashed);
    EXPECT_THAT(rank.next<Broken>().reason, HasSubstr("could not be started"));
    rank.expect_silence();
    ::setrlimit(RLIMIT_NOFILE, &before);
  });
}

TEST(EvaluatorPool, OneThatReadsNothingIsKilledBeforeAMessageIsLost) {
  Rank rank;
  rank.next<Ready>();
  const std::string log = printed_by([&] {
    rank.evaluators().begin(work(1, Behaviour::hang));
    for (int i = 0; i < 10'000; ++i) rank.evaluators().save(IndividualId{1});
    rank.expect_no_result(1);
    rank.expect_success(2);
  });
  EXPECT_THAT(log, HasSubstr("Killing an evaluator that reads no messages"));
}

TEST(EvaluatorPool, OneThatEndsAgainAndAgainWithoutWorkIsNotStartedForEver) {
  printed_by([&] {
    Rank rank("end idle");
    EXPECT_EQ(rank.next<Ready>().error, "");
    EXPECT_THAT(rank.next<Broken>().reason, HasSubstr("ended without work: exited with code 0"));
    rank.expect_silence();
  });
}

/// More often than one that cannot be started at all is tried at the least.
TEST(EvaluatorPool, WhileItsProgramIsBeingReplacedItIsTriedAgain) {
  const test::ScratchFolder folder;
  const std::string program = folder.path() / "program";
  const std::string starts = folder.path() / "starts";
  std::filesystem::copy_file(HIEREVO_EVALUATOR_PROGRAM, program);
  const std::string log = printed_by([&] {
    Rank rank("serve", 1, "setup", std::chrono::minutes(10), {}, program, std::chrono::minutes(10));
    rank.next<Ready>();
    rank.evaluators().begin(work(1, Behaviour::go_on_until_asked));
    rank.expect_progress(1);
    std::filesystem::remove(program);
    std::ofstream(program) << "#!/bin/sh\necho . >> '" << starts << "'\nexit 7\n" << std::flush;
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    rank.evaluators().kill(IndividualId{1});
    rank.expect_no_result(1);
    rank.evaluators().begin(work(2, Behaviour::succeed));
    std::error_code none_yet;
    while (std::filesystem::file_size(starts, none_yet) < 8 || none_yet) {
      ASSERT_FALSE(rank.evaluators().next());
      test::becomes_readable(rank.evaluators().descriptor(), 5);
    }
    std::filesystem::remove(program);
    std::filesystem::copy_file(HIEREVO_EVALUATOR_PROGRAM, program);
    EXPECT_EQ(rank.result(2).fitness, fitness_of(2));
    rank.expect_success(3);
  });
  EXPECT_THAT(log, AllOf(HasSubstr("Retrying in 0.4 s: the evaluator '" + program + "'"),
                         HasSubstr("exited with code 7")));
}

TEST(EvaluatorPool, WithoutTheSupervisorNothingCanBeEvaluated) {
  Rank rank;
  rank.next<Ready>();
  rank.evaluators().begin(work(1, Behaviour::go_on_until_asked));
  rank.expect_progress(1);
  ::kill(rank.supervisor().pid(), SIGKILL);
  EXPECT_THAT(rank.next<Broken>().reason, HasSubstr("has ended"));
  rank.evaluators().begin(work(2, Behaviour::succeed));
  rank.expect_silence();
}

TEST(EvaluatorPool, ASetupThatFitsInNoMessageIsRefused) {
  EXPECT_THROW(Rank("serve", 1, std::string(40'000, 'x')), core::UsageError);
}

TEST(EvaluationServer, IsOnlyForAProgramThatARankHasStarted) {
  // The test has no socket there.
  EXPECT_THROW(EvaluationServer(), core::UsageError);
}

}  // namespace
}  // namespace hierevo::search
