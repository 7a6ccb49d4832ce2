#include "hierevo/core/quantity_text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace hierevo::core {
namespace {

TEST(DurationText, ReadsWell) {
  EXPECT_EQ(duration_text(42.4), "42 s");
  EXPECT_EQ(duration_text(200.0), "3:20 min");
  EXPECT_EQ(duration_text(18200.0), "5:03:20 h");
}

/// From a damaged file, say.
TEST(DurationText, OfNoDurationIsDefined) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(duration_text(-1e308), "0 s");
  EXPECT_EQ(duration_text(-infinity), "0 s");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::quiet_NaN()), "0 s");
  EXPECT_EQ(duration_text(1e308), "277777777:46:40 h");
  EXPECT_EQ(duration_text(infinity), "277777777:46:40 h");
}

}  // namespace
}  // namespace hierevo::core
