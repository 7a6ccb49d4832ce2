// Whole searches over the self and the thread communicator.
#include "hierevo/search/search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "hierevo/comm/self_communicator.hpp"
#include "hierevo/comm/thread_communicator_group.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "protocol.hpp"
#include "search/search_cases.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using evolution::Status;
using testing::HasSubstr;

/// A rank that is not the first.
SearchEnd work(comm::ThreadCommunicatorGroup& group, int rank, const SearchOptions& options,
               Evaluator& evaluator, const StopCallback& stop = {}) {
  const auto evaluators = make_local_evaluators({&evaluator});
  return run_search(group.communicator(rank), options, evaluators.get(), "", {}, stop);
}

/// Runs a search over `ranks` ranks: one is alone, more are threads.
SearchEnd run(int ranks, const SearchOptions& options, Evaluator& evaluator,
              const StopCallback& stop = {}, const StatusCallback& on_status = {}) {
  const auto here = make_local_evaluators({&evaluator});
  if (ranks == 1) {
    comm::SelfCommunicator self;
    return run_search(self, options, here.get(), "", on_status, stop);
  }
  comm::ThreadCommunicatorGroup group(ranks);
  std::vector<std::jthread> workers;
  for (int rank = 1; rank < ranks; ++rank) {
    workers.emplace_back([&, rank] { work(group, rank, options, evaluator, stop); });
  }
  return run_search(group.communicator(0), options, options.master_evaluates ? here.get() : nullptr,
                    "", on_status, stop);
}

class OverRanks : public testing::TestWithParam<int> {
 protected:
  test::ScratchFolder folder_;
  std::filesystem::path run_ = folder_.path() / "run";
  ScriptedEvaluator evaluator_;
};
INSTANTIATE_TEST_SUITE_P(Ranks, OverRanks, testing::Values(1, 2, 4));

TEST_P(OverRanks, FinishesWithExactlyTheEvaluationsWanted) {
  EXPECT_EQ(run(GetParam(), small_search(run_), evaluator_), SearchEnd::finished);
  expect_complete(run_, 60);
}

TEST_P(OverRanks, AFinishedSearchIsFinishedAtOnceAndCanBeMadeLonger) {
  run(GetParam(), small_search(run_), evaluator_);
  std::atomic<int> asked = 0;
  evaluator_.script = [&](const auto&) {
    ++asked;
    return std::nullopt;
  };
  EXPECT_EQ(run(GetParam(), small_search(run_), evaluator_), SearchEnd::finished);
  EXPECT_EQ(asked, 0);
  SearchOptions longer = small_search(run_);
  longer.engine.evaluations = 80;
  EXPECT_EQ(run(GetParam(), longer, evaluator_), SearchEnd::finished);
  expect_complete(run_, 80);
  EXPECT_LE(asked, 20);
}

TEST_P(OverRanks, ASearchThatWasKilledAfterItsLastResultIsFinishedAtOnce) {
  // As a kill would leave it: the last result is in the journal, and no snapshot has it.
  const auto killed = folder_.path() / "killed";
  const auto on_status = [&](const SearchStatus& status) {
    if (status.done < 60 || std::filesystem::exists(killed)) return;
    std::filesystem::copy(run_, killed, std::filesystem::copy_options::recursive);
  };
  run(GetParam(), small_search(run_), evaluator_, {}, on_status);
  ASSERT_LT(saved(killed).state.history.size(), 60u);
  EXPECT_EQ(run(GetParam(), small_search(killed), evaluator_), SearchEnd::finished);
  expect_complete(killed, 60);
}

/// Stopped after every few evaluations and started again, until it is done.
TEST_P(OverRanks, GoesOnWhereItWasStopped) {
  std::atomic<std::size_t> done = 0;
  std::size_t stop_at = 0;
  const auto watch = [&](const SearchStatus& status) { done = status.done; };
  std::vector<evolution::Individual> before;
  SearchEnd end = SearchEnd::saved;
  int starts = 0;
  while (end != SearchEnd::finished) {
    ASSERT_LT(++starts, 100);
    stop_at = done + 7;
    end = run(
        GetParam(), small_search(run_), evaluator_, [&] { return done >= stop_at; }, watch);
    // All that was there before still is, unchanged.
    const auto history = saved(run_).state.history;
    ASSERT_GE(history.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) ASSERT_EQ(history[i], before[i]);
    before = history;
  }
  EXPECT_GT(starts, 3);
  expect_complete(run_, 60);
}

TEST_P(OverRanks, AFailedCandidateCountsOnceAndKeepsItsReason) {
  evaluator_.script = [](const evolution::Candidate& c) -> std::optional<evolution::Evaluation> {
    if (number(c.id) % 10 == 3) throw std::runtime_error("the device fell off");
    if (number(c.id) % 10 != 7) return std::nullopt;
    evolution::Evaluation evaluation;
    evaluation.status = Status::diverged;
    evaluation.reason = "the loss was not finite";
    return evaluation;
  };
  EXPECT_EQ(run(GetParam(), small_search(run_), evaluator_), SearchEnd::finished);
  expect_complete(run_, 60);
  for (const auto& [candidate, evaluation] : saved(run_).state.history) {
    const auto digit = number(candidate.id) % 10;
    if (evaluation.status == Status::invalid) continue;
    EXPECT_EQ(evaluation.status == Status::failed, digit == 3);
    EXPECT_EQ(evaluation.status == Status::diverged, digit == 7);
    if (digit == 3) {
      EXPECT_EQ(evaluation.reason, "the device fell off");
    }
  }
}

TEST_P(OverRanks, EndsWhenEverythingFails) {
  SearchOptions options = small_search(run_);
  options.max_consecutive_failures = 10;
  evaluator_.script = [](const auto&) -> std::optional<evolution::Evaluation> {
    throw std::runtime_error("no GPU");
  };
  EXPECT_EQ(run(GetParam(), options, evaluator_), SearchEnd::failures);
  EXPECT_EQ(saved(run_).progress.state, "stopped");
  evaluator_.script = {};
  EXPECT_EQ(run(GetParam(), options, evaluator_), SearchEnd::finished);  // mended: it goes on
  expect_complete(run_, 60);
}

TEST_P(OverRanks, AnEvaluatorOutOfBoundsFailsInsteadOfHanging) {
  evaluator_.script = [](const evolution::Candidate& candidate) {
    evolution::Evaluation evaluation;
    const std::uint64_t kind = number(candidate.id) % 5;
    if (kind == 0) evaluation.fitness = std::nan("");
    if (kind == 1) evaluation.fitness = -0.5;
    if (kind == 2) evaluation.repeat_fitness.resize(evolution::most_repeats + 1);
    if (kind == 3) evaluation.repeat_loss.resize(100'000);
    return kind < 4 ? std::optional(evaluation) : std::nullopt;
  };
  EXPECT_EQ(run(GetParam(), small_search(run_), evaluator_), SearchEnd::finished);
  expect_complete(run_, 60);
  for (const auto& [candidate, evaluation] : saved(run_).state.history) {
    if (evaluation.status == Status::invalid) continue;
    EXPECT_EQ(evaluation.status == Status::failed, number(candidate.id) % 5 < 4);
  }
}

TEST_P(OverRanks, AnEvaluatorThatEndsUnaskedFails) {
  class Silent final : public Evaluator {
    std::optional<evolution::Evaluation> evaluate(const Work&, const ProgressCallback&) override {
      return std::nullopt;
    }
  } silent;
  EXPECT_EQ(run(GetParam(), small_search(run_), silent), SearchEnd::failures);
  EXPECT_THAT(saved(run_).state.history.back().evaluation.reason, HasSubstr("without a result"));
}

TEST_P(OverRanks, TimeSpentInEarlierStartsCounts) {
  class Resumed final : public Evaluator {
   public:
    static bool knows_better(evolution::IndividualId id) { return number(id) % 3 == 0; }

    std::optional<evolution::Evaluation> evaluate(const Work& work,
                                                  const ProgressCallback& progress) override {
      const bool late = number(work.candidate.id) % 2 == 0;
      if (!progress({.earlier_seconds = late ? 2000.0 : 1000.0})) return std::nullopt;
      while (late) {  // until it is told to end
        if (!progress({.earlier_seconds = 2000.0})) return std::nullopt;
      }
      evolution::Evaluation evaluation;
      if (knows_better(work.candidate.id)) evaluation.seconds = 77.0;
      return evaluation;
    }
  } resumed;
  SearchOptions options = small_search(run_);
  options.timeout = std::chrono::seconds(1500);
  EXPECT_EQ(run(GetParam(), options, resumed), SearchEnd::finished);
  for (const auto& [candidate, evaluation] : saved(run_).state.history) {
    if (evaluation.status == Status::invalid) continue;
    const bool late = number(candidate.id) % 2 == 0;
    EXPECT_EQ(evaluation.status, late ? Status::timed_out : Status::evaluated);
    if (!late && Resumed::knows_better(candidate.id)) {
      EXPECT_EQ(evaluation.seconds, 77.0);
    } else {
      EXPECT_NEAR(evaluation.seconds, late ? 2200.0 : 1200.0, 200.0);
    }
  }
}

TEST_P(OverRanks, TroubleOfTheCoordinatorIsNotTakenForAFailedCandidate) {
  const auto on_status = [](const SearchStatus& status) {
    if (status.done >= 5) throw std::logic_error("the display is gone");
  };
  EXPECT_THROW(run(GetParam(), small_search(run_), evaluator_, {}, on_status), std::logic_error);
  for (const auto& individual : saved(run_).state.history) {
    EXPECT_NE(individual.evaluation.status, Status::failed);
  }
  EXPECT_EQ(run(GetParam(), small_search(run_), evaluator_), SearchEnd::finished);
  expect_complete(run_, 60);
}

TEST_P(OverRanks, ADryRunWritesNothing) {
  SearchOptions options = small_search(run_);
  options.dry_run = true;
  EXPECT_EQ(run(GetParam(), options, evaluator_), SearchEnd::checked);
  EXPECT_FALSE(std::filesystem::exists(run_));
}

TEST_P(OverRanks, ADryRunLeavesAnEmptyFolderEmpty) {
  SearchOptions options = small_search(run_);
  options.dry_run = true;
  std::filesystem::create_directory(run_);
  EXPECT_EQ(run(GetParam(), options, evaluator_), SearchEnd::checked);
  EXPECT_TRUE(std::filesystem::is_empty(run_));
  options.dry_run = false;
  EXPECT_EQ(run(GetParam(), options, evaluator_), SearchEnd::finished);
  expect_complete(run_, 60);
}

TEST(Search, AWorkerThatIsAskedToStopStopsTheSearch) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "run";
  const SearchOptions options = small_search(path);
  ScriptedEvaluator evaluator;
  std::atomic<int> evaluated = 0;
  evaluator.script = [&](const auto&) {
    ++evaluated;
    return std::nullopt;
  };
  comm::ThreadCommunicatorGroup group(3);
  std::jthread first([&] { work(group, 1, options, evaluator); });
  std::jthread second([&] { work(group, 2, options, evaluator, [&] { return evaluated > 10; }); });
  EXPECT_EQ(run_search(group.communicator(0), options, nullptr, "", {}, {}), SearchEnd::saved);
  EXPECT_EQ(saved(path).progress.state, "saved");
}

TEST_P(OverRanks, APhenotypeThatWasEvaluatedIsNotEvaluatedAgainWhenAsked) {
  SearchOptions options = small_search(run_);
  options.engine.space = genome::SearchSpace::parse("1x3");
  options.engine.start_mutations = 20;
  options.engine.evaluations = 300;
  options.reuse_fitness = true;
  std::mutex mutex;
  std::map<std::uint64_t, int> evaluations;  // of each phenotype
  evaluator_.script = [&](const evolution::Candidate& candidate) {
    const std::lock_guard lock(mutex);
    ++evaluations[phenotype_hash(genome::assemble(candidate.genotype))];
    return std::nullopt;
  };
  EXPECT_EQ(run(GetParam(), options, evaluator_), SearchEnd::finished);
  std::map<std::uint64_t, double> fitness;
  std::size_t reused = 0;
  for (const auto& [candidate, evaluation] : saved(run_).state.history) {
    if (evaluation.status == Status::invalid) continue;
    const auto known = fitness.emplace(evaluation.phenotype, evaluation.fitness).first;
    EXPECT_EQ(known->second, evaluation.fitness);
    reused += evaluation.status == Status::reused ? 1 : 0;
  }
  EXPECT_GT(reused, 50u);
  // At the same moment each worker may have one of a kind.
  const int workers = std::max(1, GetParam() - 1);
  for (const auto& [phenotype, count] : evaluations) EXPECT_LE(count, workers);
  EXPECT_EQ(evaluations.size(), fitness.size());
}

TEST_P(OverRanks, TheMasterEvaluatesTooWhenAsked) {
  SearchOptions options = small_search(run_);
  options.master_evaluates = true;
  EXPECT_EQ(run(GetParam(), options, evaluator_), SearchEnd::finished);
  expect_complete(run_, 60);
  std::set<int> workers;
  for (const auto& individual : saved(run_).state.history) {
    if (individual.evaluation.status != Status::invalid)
      workers.insert(individual.evaluation.worker);
  }
  EXPECT_TRUE(workers.contains(0));
}

TEST_P(OverRanks, AnEvaluationOverItsTimeIsTimedOut) {
  SearchOptions options = small_search(run_);
  options.engine.evaluations = 10;
  options.timeout = std::chrono::duration<double>(0.0);
  const auto endless = make_synthetic_evaluator(std::chrono::hours(1));
  EXPECT_EQ(run(GetParam(), options, *endless), SearchEnd::finished);
  for (const auto& [candidate, evaluation] : saved(run_).state.history) {
    EXPECT_TRUE(evaluation.status == Status::timed_out || evaluation.status == Status::invalid);
  }
}

TEST(Search, AloneIsAFunctionOfItsSeed) {
  const test::ScratchFolder folder;
  ScriptedEvaluator evaluator;
  const auto history = [&](const char* name, std::uint64_t seed) {
    SearchOptions options = small_search(folder.path() / name);
    options.engine.seed = seed;
    run(1, options, evaluator);
    std::vector<std::pair<evolution::Candidate, double>> result;
    for (const auto& individual : saved(options.run).state.history) {
      result.emplace_back(individual.candidate, individual.evaluation.fitness);
    }
    return result;
  };
  EXPECT_EQ(history("a", 1), history("b", 1));
  EXPECT_NE(history("c", 1), history("d", 2));
}

TEST(Search, RefusesOtherOptionsThanTheRunBeganWith) {
  const test::ScratchFolder folder;
  ScriptedEvaluator evaluator;
  run(1, small_search(folder.path() / "run"), evaluator);
  SearchOptions other = small_search(folder.path() / "run");
  other.engine.seed = 6;
  try {
    run(1, other, evaluator);
    FAIL();
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("seed is 6 but the run"));
    EXPECT_THAT(error.what(), HasSubstr("began with 5"));
  }
}

/// Two ranks of which the worker differs from rank 0 in `spoil`.
std::string refusal(const std::function<void(SearchOptions&, std::string& error)>& spoil) {
  const test::ScratchFolder folder;
  comm::ThreadCommunicatorGroup group(2);
  ScriptedEvaluator evaluator;
  const SearchOptions options = small_search(folder.path() / "run");
  SearchOptions workers_options = options;
  std::string error;
  spoil(workers_options, error);
  std::jthread worker([&] {
    const auto evaluators = make_local_evaluators({&evaluator});
    run_search(group.communicator(1), workers_options, error.empty() ? evaluators.get() : nullptr,
               error, {}, {});
  });
  try {
    run_search(group.communicator(0), options, nullptr, "", {}, {});
  } catch (const core::UsageError& problem) {
    return problem.what();
  }
  return "accepted";
}

TEST(Search, RefusesARankThatCannotEvaluate) {
  const std::string text = refusal([](auto&, auto& error) { error = "there is no data"; });
  EXPECT_THAT(text, HasSubstr("Rank 1 on "));
  EXPECT_THAT(text, HasSubstr("cannot take part (there is no data)"));
}

TEST(Search, RefusesRanksWithOtherOptions) {
  EXPECT_THAT(refusal([](auto& options, auto&) { options.fingerprint = 1; }),
              HasSubstr("its options differ from those of rank 0"));
}

TEST(Search, GoesOnAfterAStrangeMessage) {
  const test::ScratchFolder folder;
  comm::ThreadCommunicatorGroup group(3);
  ScriptedEvaluator evaluator;
  const SearchOptions options = small_search(folder.path() / "run");
  std::vector<std::jthread> workers;
  for (int rank = 1; rank < 3; ++rank) {
    workers.emplace_back([&, rank] {
      auto& ranks = group.communicator(rank);
      ranks.send(0, {});
      ranks.send(0, std::vector<std::byte>(100, std::byte{0x55}));
      ranks.send(0, encode(Result{evolution::IndividualId{9999}, {}}));
      work(group, rank, options, evaluator);
    });
  }
  EXPECT_EQ(run_search(group.communicator(0), options, nullptr, "", {}, {}), SearchEnd::finished);
  expect_complete(options.run, 60);
}

}  // namespace
}  // namespace hierevo::search
