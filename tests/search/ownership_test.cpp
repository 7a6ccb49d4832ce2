// Two starts of one search that both write, since the locks do not keep them apart: this program
// gets every lock (lying_locks.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "hierevo/comm/self_communicator.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/io/journal.hpp"
#include "hierevo/io/lost_results.hpp"
#include "hierevo/search/verify.hpp"
#include "journal_format.hpp"
#include "run_events.hpp"
#include "search/search_cases.hpp"
#include "search_record.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

evolution::EngineOptions engine_options() {
  return {.space = genome::SearchSpace::parse("2x3,1x4"),
          .population = 4,
          .evaluations = 10'000,
          .tournament = 0.5,
          .seed = 3,
          .start_mutations = 20};
}

/// One result: a candidate by its number and checksum.
using Key = std::pair<std::uint64_t, std::uint32_t>;

std::set<Key> results_of(const io::Snapshot& search) {
  std::set<Key> keys;
  for (const auto& [candidate, evaluation] : search.state.history) {
    keys.emplace(number(candidate.id), io::checksum_of(candidate));
  }
  return keys;
}

/// All that `hierevo status` would count now.
std::set<Key> shown(const fs::path& run) {
  const auto search = RunDirectory::read(run);
  return search ? results_of(*search) : std::set<Key>{};
}

/// All that any file of the run has, the folders of lost results included.
std::set<Key> anywhere(const fs::path& run) {
  std::set<Key> keys;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    const auto events = io::events_in(entry.path(), engine_options());
    if (!events) continue;
    for (const io::Event& event : events->events) {
      const auto* told = std::get_if<io::Told>(&event);
      if (told != nullptr) keys.emplace(number(told->id), told->candidate);
    }
  }
  return keys;
}

/// Nothing but what these tests leave out of evaluations is wrong.
void expect_files_agree(const fs::path& run) {
  const auto found = verify_run(run, {});
  for (const Problem& problem : found->problems) {
    EXPECT_TRUE(problem.candidate) << problem.line();
    EXPECT_THAT(problem.line(), testing::Not(HasSubstr("the tournament"))) << problem.line();
    EXPECT_THAT(problem.line(), testing::Not(HasSubstr("its genotype is not"))) << problem.line();
  }
}

/// A start of the search, as the coordinator keeps one.
class Start {
 public:
  Start(const fs::path& run, std::uint64_t luck)
      : run_(run), random_(luck), record_(run, {.check = std::chrono::hours(1)}) {
    auto loaded = record_.load();
    engine_ = loaded ? std::make_unique<evolution::Engine>(engine_options(), loaded->state)
                     : std::make_unique<evolution::Engine>(engine_options());
    record_.begin("");
    save();
  }

  /// Asks for up to three candidates and brings one result, of a fitness of its own.
  void evaluate() {
    while (waiting_.size() < 3) {
      const auto candidate = engine_->ask();
      record_.asked(*candidate);
      waiting_.push_back(candidate->id);
    }
    const auto at = static_cast<std::ptrdiff_t>(random_.below(waiting_.size()));
    evolution::Evaluation evaluation;
    evaluation.fitness = random_.unit();
    engine_->tell(waiting_[static_cast<std::size_t>(at)], evaluation);
    waiting_.erase(waiting_.begin() + at);
    record_.told(engine_->history().back());
    record_.write_journal();
  }
  void save() { record_.save(*engine_, "running"); }
  void keep_lost_results() { record_.keep_lost_results(*engine_); }
  io::Snapshot snapshot() const {
    return {engine_->options(), engine_->state(), record_.progress(), core::owner_of(run_)->mark};
  }
  std::size_t told() const { return engine_->history().size(); }

 private:
  fs::path run_;
  core::RandomStream random_;
  SearchRecord record_;
  std::unique_ptr<evolution::Engine> engine_;
  std::vector<evolution::IndividualId> waiting_;
};

TEST(Ownership, TheLaterStartCountsAndTheEarlierOneStops) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  Start first(run, 1);
  for (int i = 0; i < 10; ++i) first.evaluate();
  Start second(run, 2);
  EXPECT_EQ(second.told(), 10u);
  // The second has a journal of its own: what the first still writes does not come between.
  for (int i = 0; i < 6; ++i) first.evaluate();
  for (int i = 0; i < 4; ++i) second.evaluate();
  EXPECT_EQ(shown(run).size(), 14u);
  EXPECT_THROW(first.save(), core::OwnershipLost);
  first.keep_lost_results();
  const std::string token = core::token_text(core::owner_of(run)->mark);
  EXPECT_FALSE(fs::exists(run / ("lost-" + token))) << "that is the second's";
  second.save();
  EXPECT_EQ(shown(run).size(), 14u);
  EXPECT_GE(anywhere(run).size(), 16u);
  expect_files_agree(run);
  EXPECT_THAT(verify_run(run, {})->notes,
              testing::Contains(HasSubstr("results of a start of this search that")));
}

TEST(Ownership, ASearchThatIsTakenOverStopsAtOnceAndSaysWho) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  ScriptedEvaluator evaluator;
  evaluator.script = [&](const evolution::Candidate& candidate) {
    if (number(candidate.id) == 20) core::become_owner(run, 0);
    return std::nullopt;
  };
  const auto evaluators = make_local_evaluators({&evaluator});
  comm::SelfCommunicator self;
  try {
    run_search(self, small_search(run), evaluators.get(), "", {}, {});
    FAIL();
  } catch (const core::OwnershipLost& error) {
    EXPECT_THAT(error.what(), HasSubstr(core::owner_of(run)->text()));
  }
  EXPECT_NE(saved(run).progress.state, "finished") << "it has written as if the run were its own";
}

TEST(Ownership, AStartThatSeesAnotherWriteIsRefused) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  Start first(run, 1);
  first.evaluate();
  RunDirectory second(run);
  second.load();
  first.evaluate();
  EXPECT_THAT([&] { second.take_over(); },
              testing::ThrowsMessage<core::InUseError>(HasSubstr("another search writes there")));
  first.save();  // it is still the owner
}

TEST(Ownership, WhatDoesNotContradictIsTakenUp) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  {
    Start first(run, 1);
    for (int i = 0; i < 10; ++i) first.evaluate();
    Start second(run, 2);  // which is killed before it has a result
    for (int i = 0; i < 30; ++i) first.evaluate();
  }
  EXPECT_EQ(shown(run).size(), 10u);
  EXPECT_THAT(verify_run(run, {})->notes,
              testing::Contains(HasSubstr("30 results of a start of this search that")));
  const Start third(run, 3);
  EXPECT_EQ(third.told(), 40u);
  EXPECT_EQ(shown(run).size(), 40u);
  expect_files_agree(run);
}

/// A candidate follows from the results that were known: with others there, it is another search's.
TEST(Ownership, WhatWasMadeFromOtherResultsIsNotTakenUp) {
  for (std::uint64_t luck = 1; luck <= 5; ++luck) {
    const test::ScratchFolder folder;
    const fs::path run = folder.path() / "run";
    {
      Start first(run, luck);
      for (int i = 0; i < 10; ++i) first.evaluate();
      Start second(run, luck + 100);
      second.evaluate();
      for (int i = 0; i < 12; ++i) first.evaluate();
    }
    const Start third(run, 3);
    expect_files_agree(run);
  }
}

/// The rename of a snapshot cannot be undone by a look before it.
TEST(Ownership, ASnapshotThatComesTooLateDoesNotCount) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  auto first = std::make_unique<Start>(run, 1);
  for (int i = 0; i < 10; ++i) first->evaluate();
  io::Snapshot late = first->snapshot();
  Start second(run, 2);
  for (int i = 0; i < 5; ++i) second.evaluate();
  second.save();
  for (int i = 0; i < 5; ++i) second.evaluate();
  io::save_snapshot(late, RunDirectory::snapshot_path(run));
  const io::Journal begun(RunDirectory::journal_path(run), late);
  EXPECT_EQ(shown(run).size(), 20u);
  for (int i = 0; i < 5; ++i) second.evaluate();
  EXPECT_EQ(shown(run).size(), 25u);
  second.save();
  EXPECT_EQ(shown(run).size(), 25u);
  expect_files_agree(run);
}

/// Starts that are taken over, killed, or come too late, in any order: what the owner has shown
/// once stays in the search, and what others have shown is in some file.
TEST(Ownership, LosesNothingThatWasShown) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const test::ScratchFolder folder;
    const fs::path run = folder.path() / "run";
    core::RandomStream random(seed);
    std::vector<std::unique_ptr<Start>> starts;
    std::set<Key> of_owner;
    std::set<Key> of_all;
    for (int action = 0; action < 60; ++action) {
      const auto note = [&] {
        const std::set<Key> now = shown(run);
        of_all.insert(now.begin(), now.end());
      };
      if (starts.empty() || random.below(12) == 0) {
        starts.push_back(std::make_unique<Start>(run, random()));
        of_owner = shown(run);
        continue;
      }
      const std::size_t which =
          random.below(2) == 0 ? starts.size() - 1 : random.below(starts.size());
      Start& one = *starts[which];
      const bool owns = which + 1 == starts.size();
      const std::uint64_t what = random.below(12);
      if (what < 8) {
        one.evaluate();
      } else if (what < 10 && owns) {
        one.save();
      } else if (!owns) {
        EXPECT_THROW(one.save(), core::OwnershipLost);
        one.keep_lost_results();
        starts.erase(starts.begin() + static_cast<std::ptrdiff_t>(which));
      } else if (what == 11) {
        starts.clear();  // all are killed
      }
      note();
      const std::set<Key> now = shown(run);
      EXPECT_TRUE(std::ranges::includes(now, of_owner)) << "seed " << seed << ", " << action;
      if (!starts.empty() && owns) of_owner = now;
    }
    const std::set<Key> kept = anywhere(run);
    EXPECT_TRUE(std::ranges::includes(kept, of_all)) << "seed " << seed;
    starts.clear();
    expect_files_agree(run);
    const Start last(run, 0);
    EXPECT_TRUE(std::ranges::includes(shown(run), of_owner)) << "seed " << seed;
    EXPECT_TRUE(std::ranges::includes(anywhere(run), of_all)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hierevo::search
