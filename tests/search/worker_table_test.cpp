#include "worker_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

#include "hierevo/core/random.hpp"

namespace hierevo::search {
namespace {

using namespace std::chrono_literals;
using evolution::IndividualId;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using State = WorkerTable::State;

constexpr auto nobody = std::nullopt;
const auto now = WorkerTable::Clock::now();

/// Ranks 1 to `count` with one evaluator each.
WorkerTable present(int count) {
  WorkerTable table(1, count + 1, now);
  for (int rank = 1; rank <= count; ++rank) {
    table.greeted(rank, "host", 1);
    table.heard(rank, now);
  }
  return table;
}

TEST(WorkerTable, GivesWorkToRanksThatHaveAnEvaluatorFree) {
  WorkerTable table(1, 3, now);
  EXPECT_TRUE(table.any_expected());
  EXPECT_FALSE(table.free_rank(nobody));
  table.greeted(2, "b", 2);
  EXPECT_EQ(table.free_rank(nobody), 2);
  table.give(2, IndividualId{7});
  EXPECT_EQ(table.free_rank(nobody), 2);
  table.give(2, IndividualId{8});
  EXPECT_FALSE(table.free_rank(nobody));
  EXPECT_EQ(table.busy(), 2u);
  EXPECT_TRUE(table.answered(2, IndividualId{7}));
  EXPECT_FALSE(table.answered(2, IndividualId{7}));
  EXPECT_FALSE(table.answered(1, IndividualId{8}));
  EXPECT_EQ(table.free_rank(nobody), 2);
}

TEST(WorkerTable, ARankWithFewerEvaluatorsGetsLessAndKeepsWhatItHas) {
  WorkerTable table(1, 2, now);
  table.greeted(1, "host", 3);
  for (std::uint64_t id = 1; id <= 3; ++id) table.give(1, IndividualId{id});
  table.has_fewer(1, 2);
  EXPECT_EQ(table.evaluators(), 2u);
  EXPECT_EQ(table.busy(), 2u);
  table.answered(1, IndividualId{1});
  EXPECT_FALSE(table.free_rank(nobody));
  table.answered(1, IndividualId{2});
  EXPECT_EQ(table.free_rank(nobody), 1);
  EXPECT_EQ(table.busy(), 1u);
  table.has_fewer(1, 5);  // never more
  EXPECT_EQ(table.evaluators(), 2u);
}

TEST(WorkerTable, KnowsWhoHasACandidate) {
  WorkerTable table = present(3);
  table.give(1, IndividualId{5});
  table.give(2, IndividualId{6});
  table.give(3, IndividualId{5});
  EXPECT_THAT(table.holders(IndividualId{5}), ElementsAre(1, 3));
  table.heard(2, now + 60s);
  table.heard(3, now + 60s);
  table.fallen_silent(now + 61s, 60s, 180s);
  EXPECT_THAT(table.holders(IndividualId{5}), ElementsAre(3));
  table.answered(3, IndividualId{5});
  EXPECT_THAT(table.holders(IndividualId{5}), IsEmpty());
}

/// Whatever happens to workers, in any order: who has a candidate is who was given it, has not
/// answered and is there.
TEST(WorkerTable, HoldersAreThoseThatAreThereAndHaveNotAnswered) {
  constexpr int ranks = 5;
  constexpr std::uint64_t ids = 6;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    core::RandomStream random(seed);
    WorkerTable table = present(ranks);
    auto time = now;
    std::map<int, std::set<std::uint64_t>> unanswered;
    std::set<int> dropped;
    for (int i = 0; i < 200; ++i) {
      const int rank = 1 + static_cast<int>(random.below(ranks));
      const std::uint64_t id = 1 + random.below(ids);
      const bool there =
          table.state(rank) == State::present || table.state(rank) == State::quarantined;
      switch (random.below(20)) {
        case 0:
          time += 61s;  // all that nothing comes from in this moment are silent
          if (!dropped.contains(rank)) table.heard(rank, time);
          table.fallen_silent(time, 60s, 60s);
          break;
        case 1:
          if (dropped.size() + 1 < ranks && dropped.insert(rank).second) {
            std::set<std::uint64_t> given;
            for (const auto lost : random.below(2) == 0 ? table.broke(rank) : table.died(rank)) {
              given.insert(number(lost));
            }
            ASSERT_EQ(given, std::exchange(unanswered[rank], {}));
          }
          break;
        case 2:
        case 3:
        case 4:
          if (!dropped.contains(rank)) table.heard(rank, time);
          break;
        default:
          if (there && random.below(2) == 0) {
            table.give(rank, IndividualId{id});
            unanswered[rank].insert(id);
          } else {
            ASSERT_EQ(table.answered(rank, IndividualId{id}), unanswered[rank].erase(id) > 0);
            table.judge(rank, random.below(3) == 0);
          }
      }
      for (std::uint64_t each = 1; each <= ids; ++each) {
        std::set<int> holders;
        for (const auto& [of, given] : unanswered) {
          const State state = table.state(of);
          const bool works = state == State::present || state == State::quarantined;
          if (works && given.contains(each)) holders.insert(of);
        }
        ASSERT_EQ(table.holders(IndividualId{each}), holders) << "seed " << seed;
      }
    }
  }
}

TEST(WorkerTable, AvoidsARankAsLongAsThereAreOthers) {
  WorkerTable table = present(2);
  EXPECT_EQ(table.free_rank(1), 2);
  table.give(2, IndividualId{1});
  EXPECT_EQ(table.free_rank(1), nobody);  // the other one will be free again
  table.left(2);
  EXPECT_EQ(table.free_rank(1), 1);
}

TEST(WorkerTable, ASilentRankIsLostUntilItIsHeardOf) {
  WorkerTable table = present(2);
  table.give(1, IndividualId{5});
  table.heard(2, now + 60s);
  EXPECT_THAT(table.fallen_silent(now + 61s, 60s, 180s), ElementsAre(1));
  EXPECT_THAT(table.fallen_silent(now + 62s, 60s, 180s), IsEmpty());
  EXPECT_EQ(table.lost(), 1u);
  EXPECT_EQ(table.busy(), 0u);
  EXPECT_THAT(table.reachable(), ElementsAre(2));
  EXPECT_EQ(table.free_rank(nobody), 2);
  EXPECT_TRUE(table.heard(1, now + 70s));
  EXPECT_EQ(table.state(1), State::present);
  EXPECT_EQ(table.busy(), 1u);  // it still has what it was given
  EXPECT_FALSE(table.heard(1, now + 71s));
}

TEST(WorkerTable, ARankThatReadsItsDataMayBeSilentForLonger) {
  WorkerTable table(1, 3, now);
  EXPECT_THAT(table.fallen_silent(now + 100s, 60s, 180s), IsEmpty());
  table.heard(2, now + 200s);
  EXPECT_THAT(table.fallen_silent(now + 201s, 60s, 180s), ElementsAre(1));
  EXPECT_TRUE(table.heard(1, now + 202s));
  EXPECT_EQ(table.state(1), State::expected);  // its Hello is still to come
}

TEST(WorkerTable, ItsOwnPauseIsNobodysSilence) {
  WorkerTable table = present(2);
  table.forgive(500s, now + 501s);
  EXPECT_THAT(table.fallen_silent(now + 501s, 60s, 180s), IsEmpty());
  // Who is heard of right afterwards has no silence to be forgiven, nor any in advance.
  table.heard(2, now + 501s);
  table.forgive(500s, now + 501s);
  EXPECT_THAT(table.fallen_silent(now + 562s, 60s, 180s), UnorderedElementsAre(1, 2));
}

TEST(WorkerTable, ARankThatFailsWhereOthersSucceedGetsNoMoreWork) {
  WorkerTable table = present(2);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(table.judge(2, true));
  EXPECT_FALSE(table.judge(1, false));
  EXPECT_FALSE(table.judge(1, false));
  EXPECT_TRUE(table.judge(1, false));
  EXPECT_EQ(table.state(1), State::quarantined);
  EXPECT_EQ(table.free_rank(nobody), 2);
  EXPECT_THAT(table.reachable(), UnorderedElementsAre(1, 2));  // it is to be sent home
}

TEST(WorkerTable, QuarantineOutlastsASilence) {
  WorkerTable table = present(2);
  for (int i = 0; i < 100; ++i) table.judge(2, true);
  for (int i = 0; i < 3; ++i) table.judge(1, false);
  table.heard(2, now + 60s);
  EXPECT_THAT(table.fallen_silent(now + 61s, 60s, 180s), ElementsAre(1));
  EXPECT_TRUE(table.heard(1, now + 62s));
  EXPECT_EQ(table.state(1), State::quarantined);
}

/// A search of thousands of evaluations in which every tenth candidate fails, wherever it is.
TEST(WorkerTable, CandidatesThatFailByThemselvesPutNobodyInQuarantine) {
  core::RandomStream random(3);
  WorkerTable table = present(4);
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_FALSE(table.judge(1 + static_cast<int>(random.below(4)), random.below(10) != 0));
  }
}

TEST(WorkerTable, TheLastOneIsNotPutInQuarantine) {
  WorkerTable table = present(2);
  for (int i = 0; i < 100; ++i) table.judge(2, true);
  table.died(2);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(table.judge(1, false));
  EXPECT_EQ(table.free_rank(nobody), 1);
}

TEST(WorkerTable, ARankThatFailsFastWaitsForTheOthers) {
  WorkerTable table = present(2);
  table.give(2, IndividualId{100});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(table.free_rank(nobody), 1);
    table.judge(1, false);
  }
  EXPECT_EQ(table.free_rank(nobody), std::nullopt);
  table.answered(2, IndividualId{100});  // nobody is left to wait for
  EXPECT_EQ(table.free_rank(nobody), 1);
  table.give(2, IndividualId{101});
  EXPECT_EQ(table.free_rank(nobody), std::nullopt);
  table.judge(2, false);  // it fails there too: one more try
  EXPECT_EQ(table.free_rank(nobody), 1);
  table.judge(1, false);
  EXPECT_EQ(table.free_rank(nobody), std::nullopt);
}

TEST(WorkerTable, TheDeadNeverComeBackAndTakeTheirWorkWithThem) {
  WorkerTable table = present(2);
  table.give(1, IndividualId{5});
  table.died(1);
  EXPECT_FALSE(table.heard(1, now + 1s));
  EXPECT_EQ(table.state(1), State::dead);
  EXPECT_FALSE(table.answered(1, IndividualId{5}));
  EXPECT_THAT(table.reachable(), ElementsAre(2));
  EXPECT_THAT(table.fallen_silent(now + 100s, 60s, 180s), ElementsAre(2));
  EXPECT_TRUE(table.any_silent());
  EXPECT_TRUE(table.all_gone());
}

TEST(WorkerTable, WhereEverybodyFailsNobodyIsToBlame) {
  WorkerTable table = present(2);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(table.judge(1, false));
    EXPECT_FALSE(table.judge(2, false));
  }
  // One success clears a rank.
  WorkerTable other = present(2);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(other.judge(1, i % 3 == 0));
    EXPECT_FALSE(other.judge(2, true));
  }
}

/// The sums and the free ranks are those that a look at every worker gives, whatever has happened.
TEST(WorkerTable, CountsAsOneWouldByLookingAtAll) {
  core::RandomStream random(9);
  WorkerTable table(1, 9, now);
  std::map<int, std::size_t> evaluators;
  auto clock = now;
  for (std::uint64_t step = 1; step < 3000; ++step) {
    const int rank = 1 + static_cast<int>(random.below(8));
    clock += 1s;
    switch (random.below(6)) {
      case 0:
        if (table.state(rank) == State::expected) {
          evaluators[rank] = 1 + random.below(3);
          table.greeted(rank, "host", evaluators[rank]);
        }
        break;
      case 1:
        table.heard(rank, clock);
        break;
      case 2:
        table.fallen_silent(clock, 40s, 400s);
        break;
      case 3:
        if (!table.given(rank).empty()) table.answered(rank, *table.given(rank).begin());
        break;
      default:
        if (const auto free = table.free_rank(nobody)) table.give(*free, IndividualId{step});
    }
    std::size_t present = 0, total = 0, busy = 0, free = 0;
    for (int each = 1; each < 9; ++each) {
      if (table.state(each) != State::present) continue;
      ++present;
      total += evaluators[each];
      busy += table.given(each).size();
      free += table.given(each).size() < evaluators[each] ? 1 : 0;
    }
    ASSERT_EQ(table.present(), present);
    ASSERT_EQ(table.evaluators(), total);
    ASSERT_EQ(table.busy(), busy);
    ASSERT_EQ(table.free_rank(nobody).has_value(), free > 0);
  }
}

}  // namespace
}  // namespace hierevo::search
