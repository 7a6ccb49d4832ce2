#include "backoff.hpp"

#include <gtest/gtest.h>

namespace hierevo::comm::detail {

namespace {

using namespace std::chrono_literals;

TEST(Backoff, spins_first_then_sleeps_longer_and_longer) {
  EXPECT_EQ(Backoff::sleep_after(0ns), 0ns);
  EXPECT_EQ(Backoff::sleep_after(49us), 0ns);
  EXPECT_EQ(Backoff::sleep_after(50us), 20us);
  EXPECT_EQ(Backoff::sleep_after(1ms), 250us);
  EXPECT_EQ(Backoff::sleep_after(1h), 1ms);
}

TEST(Backoff, a_message_is_never_late_by_more_than_a_quarter_of_the_wait) {
  for (std::chrono::nanoseconds idle = 80us; idle < 10s; idle += idle / 3) {
    EXPECT_LE(Backoff::sleep_after(idle), idle / 4);
  }
}

TEST(Backoff, ends_at_the_deadline_and_not_before) {
  Backoff backoff;
  const auto deadline = Clock::now() + 5ms;
  while (backoff.pause(deadline)) continue;
  EXPECT_GE(Clock::now(), deadline);
}

TEST(Backoff, sleeps_at_once_where_it_is_told_not_to_spin) {
  Backoff backoff;
  backoff.restart_without_spinning();
  const auto begin = Clock::now();
  ASSERT_TRUE(backoff.pause(begin + 1h));
  EXPECT_GE(Clock::now() - begin, 20us);
}

TEST(Backoff, does_not_pause_after_the_deadline) {
  Backoff backoff;
  EXPECT_FALSE(backoff.pause(Clock::now() - 1ns));
  EXPECT_FALSE(backoff.pause(Clock::time_point::min()));
}

TEST(Deadline, does_not_overflow) {
  EXPECT_EQ(deadline_after(std::chrono::nanoseconds::max()), Clock::time_point::max());
  EXPECT_LT(deadline_after(std::chrono::nanoseconds::min()), Clock::now());
  EXPECT_GT(deadline_after(1h), Clock::now());
}

}  // namespace

}  // namespace hierevo::comm::detail
