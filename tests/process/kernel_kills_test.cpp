#include "kernel_kills.hpp"

#include <gtest/gtest.h>

namespace hierevo::process::detail {
namespace {

using namespace std::chrono_literals;

class KernelKillsTest : public testing::Test {
 protected:
  KernelKills::Clock::time_point start = KernelKills::Clock::now();
  KernelKills kills{7};
};

TEST_F(KernelKillsTest, EarlierOnesExplainNothing) {
  kills.saw(7, start);
  EXPECT_FALSE(kills.explains_one());
}

TEST_F(KernelKillsTest, EachExplainsOneEnd) {
  kills.saw(9, start);
  EXPECT_TRUE(kills.explains_one());
  kills.saw(9, start + 1s);
  EXPECT_TRUE(kills.explains_one());
  kills.saw(9, start + 2s);
  EXPECT_FALSE(kills.explains_one());
}

TEST_F(KernelKillsTest, OneThatWasLongAgoWasOfSomethingElse) {
  kills.saw(8, start);
  kills.saw(8, start + 9s);
  EXPECT_TRUE(kills.explains_one());
  kills.saw(9, start + 20s);
  kills.saw(9, start + 31s);
  EXPECT_FALSE(kills.explains_one());
}

}  // namespace
}  // namespace hierevo::process::detail
