#include "search_ending.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "hierevo/core/error.hpp"
#include "search/search_cases.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using namespace std::chrono_literals;

class SearchEndingTest : public testing::Test {
 protected:
  SearchEndingTest() {
    record_.begin("");
    ledger_.begin(std::nullopt, 0);
    for (const int rank : {1, 2}) workers_.greeted(rank, "host", 1);
  }

  SearchOptions two_evaluations() const {
    SearchOptions options = small_search(folder_.path() / "run");
    options.engine.evaluations = 2;
    options.engine.population = 2;
    options.grace = 10s;
    options.heartbeat = 4s;
    return options;
  }
  void evaluate() { ledger_.record_result(*ledger_.next(), {}, 1); }
  void all_leave() {
    for (const int rank : {1, 2}) workers_.left(rank);
  }
  std::string saved_state() const { return saved(options_.run).progress.state; }

  test::ScratchFolder folder_;
  SearchOptions options_ = two_evaluations();
  StopCallback nobody_stops_;
  SearchEnding::Clock::time_point now_ = SearchEnding::Clock::now();
  SearchRecord record_{options_.run};
  EvaluationLedger ledger_{options_, record_};
  WorkerTable workers_{1, 3, now_};
  SearchEnding ending_{options_, nobody_stops_, workers_, ledger_, record_, now_};
};

TEST_F(SearchEndingTest, GoesOnUntilThereIsAReason) {
  evaluate();
  EXPECT_FALSE(ending_.decide(now_));
  evaluate();
  EXPECT_TRUE(ending_.decide(now_));
  EXPECT_FALSE(ending_.decide(now_));  // once
  EXPECT_TRUE(ending_.begun());
  all_leave();
  EXPECT_TRUE(ending_.complete(now_));
  EXPECT_EQ(ending_.end(), SearchEnd::finished);
  EXPECT_TRUE(ending_.all_left());
  EXPECT_EQ(saved_state(), "finished");
}

TEST_F(SearchEndingTest, WaitsForWorkersWithinTheGrace) {
  ending_.ask_to_stop();
  EXPECT_TRUE(ending_.decide(now_));
  workers_.left(1);
  EXPECT_FALSE(ending_.complete(now_ + 8s));
  EXPECT_TRUE(ending_.complete(now_ + 9s));
  EXPECT_EQ(ending_.end(), SearchEnd::saved);
  EXPECT_FALSE(ending_.all_left());
  EXPECT_EQ(saved_state(), "saved");
}

TEST_F(SearchEndingTest, AStopThatMeetsTheLastResultFinishes) {
  evaluate();
  ending_.ask_to_stop();
  EXPECT_TRUE(ending_.decide(now_));
  evaluate();
  all_leave();
  EXPECT_TRUE(ending_.complete(now_));
  EXPECT_EQ(ending_.end(), SearchEnd::finished);
  EXPECT_EQ(saved_state(), "finished");
}

TEST_F(SearchEndingTest, OnlyOneThatIsAskedToStopGivesUpSaving) {
  evaluate();
  evaluate();
  EXPECT_TRUE(ending_.decide(now_));
  all_leave();
  std::filesystem::rename(options_.run, folder_.path() / "away");
  EXPECT_FALSE(ending_.complete(now_ + 1000s));
  ending_.ask_to_stop();
  EXPECT_FALSE(ending_.complete(now_ + 1001s));
  EXPECT_FALSE(ending_.complete(now_ + 1010s));
  EXPECT_THROW(ending_.complete(now_ + 1011s), core::IoError);
  EXPECT_FALSE(ending_.end());
}

TEST_F(SearchEndingTest, SilentWorkersAreWaitedForAsLongAsTheyWait) {
  EXPECT_FALSE(ending_.decide(now_));
  EXPECT_EQ(workers_.fallen_silent(now_ + 5s, 4s, 4s).size(), 2u);
  EXPECT_FALSE(ending_.decide(now_ + 12s));
  ending_.forgive(100s, now_ + 112s);
  EXPECT_FALSE(ending_.decide(now_ + 112s));
  EXPECT_TRUE(ending_.decide(now_ + 113s));
  workers_.died(1);
  workers_.died(2);
  EXPECT_TRUE(ending_.complete(now_ + 113s));
  EXPECT_EQ(ending_.end(), SearchEnd::failures);
  EXPECT_EQ(saved_state(), "stopped");
}

}  // namespace
}  // namespace hierevo::search
