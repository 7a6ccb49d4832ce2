#include "hierevo/core/closest_match.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hierevo::core {
namespace {

const std::vector<std::string> options = {"population", "evaluations", "seed", "lr", "lr-drops"};

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(closest_match("populaton", options), "population");
  EXPECT_EQ(closest_match("evaluatoins", options), "evaluations");
  EXPECT_EQ(closest_match("sed", options), "seed");
  EXPECT_EQ(closest_match("pop", options), "population");  // the beginning of a word
  EXPECT_EQ(closest_match("lr_drops", options), "lr-drops");
}

TEST(Nearest, FindsNothingInOtherWords) {
  EXPECT_EQ(closest_match("gpu", options), std::nullopt);
  EXPECT_EQ(closest_match("", options), std::nullopt);
  EXPECT_EQ(closest_match(std::string(1000, 'x'), options), std::nullopt);
  EXPECT_EQ(closest_match("seed", {}), std::nullopt);
}

TEST(Nearest, SuggestsOrLists) {
  const std::vector<std::string> two = {"flat", "hierarchical"};
  EXPECT_EQ(suggestion_for("falt", two), "Did you mean 'flat'?");
  EXPECT_EQ(suggestion_for("zzz", two), "Known: flat, hierarchical.");
}

}  // namespace
}  // namespace hierevo::core
