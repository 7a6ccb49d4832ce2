#include "stall_aware_timeout.hpp"

#include <gtest/gtest.h>

namespace hierevo::comm::detail {
namespace {

using namespace std::chrono_literals;

class StallAwareTimeoutTest : public testing::Test {
 protected:
  bool spent_at(std::chrono::nanoseconds time) { return patience_.spent(begin_ + time); }

  const Clock::time_point begin_ = Clock::now();
  StallAwareTimeout patience_{10s, begin_};
};

TEST_F(StallAwareTimeoutTest, EndsWithItsLimitWhereLooksAreFrequent) {
  for (auto time = 500ms; time < 10s; time += 500ms) EXPECT_FALSE(spent_at(time)) << time.count();
  EXPECT_EQ(patience_.end(), begin_ + 10s);
  EXPECT_TRUE(spent_at(10s));
}

TEST_F(StallAwareTimeoutTest, BearsThatTheProcessStoodStill) {
  EXPECT_FALSE(spent_at(1s));
  EXPECT_FALSE(spent_at(3600s));  // a second of it counts
  EXPECT_EQ(patience_.end(), begin_ + 3608s);
  for (auto time = 3601s; time < 3608s; time += 1s) EXPECT_FALSE(spent_at(time)) << time.count();
  EXPECT_TRUE(spent_at(3608s));
}

TEST_F(StallAwareTimeoutTest, EndsAlsoWhereLooksAreRare) {
  for (int look = 1; look < 10; ++look) EXPECT_FALSE(spent_at(100s * look)) << look;
  EXPECT_TRUE(spent_at(1000s));
}

TEST_F(StallAwareTimeoutTest, IsWholeAgainAfterARestart) {
  EXPECT_FALSE(spent_at(1s));
  patience_.restart(begin_ + 50s);
  EXPECT_EQ(patience_.end(), begin_ + 60s);
  EXPECT_FALSE(spent_at(50s + 900ms));
}

TEST_F(StallAwareTimeoutTest, SaysWhenToLookAgain) {
  EXPECT_EQ(patience_.next_look(), begin_ + 500ms);
  const StallAwareTimeout little(20ms, begin_);
  EXPECT_EQ(little.longest_pause(), 5ms);
  const StallAwareTimeout none(0ns, begin_);
  EXPECT_EQ(none.next_look(), begin_);
}

TEST_F(StallAwareTimeoutTest, MayLastForEver) {
  StallAwareTimeout patience(std::chrono::nanoseconds::max(), begin_);
  EXPECT_EQ(patience.end(), Clock::time_point::max());
  EXPECT_FALSE(patience.spent(begin_ + 24h * 365));
  EXPECT_EQ(patience.end(), Clock::time_point::max());
}

}  // namespace
}  // namespace hierevo::comm::detail
