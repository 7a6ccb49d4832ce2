#include "hierevo/core/statistics.hpp"

#include <gtest/gtest.h>

#include <array>

namespace hierevo::core {
namespace {

TEST(MeanAndDeviation, OfASample) {
  const auto found = mean_and_deviation(std::array{2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0});
  ASSERT_TRUE(found);
  EXPECT_DOUBLE_EQ(found->mean, 5.0);
  EXPECT_DOUBLE_EQ(found->deviation.value(), 2.138089935299395);  // Python's statistics.stdev
}

TEST(MeanAndDeviation, OfAFewNumbers) {
  EXPECT_FALSE(mean_and_deviation({}));
  const auto one = mean_and_deviation(std::array{3.0});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->mean, 3.0);
  EXPECT_FALSE(one->deviation);
  EXPECT_EQ(mean_and_deviation(std::array{3.0, 3.0})->deviation, 0.0);
}

}  // namespace
}  // namespace hierevo::core
