#include "hierevo/core/nearest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hierevo::core {
namespace {

const std::vector<std::string> options = {"population", "evaluations", "seed", "lr", "lr-drops"};

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("populaton", options), "population");
  EXPECT_EQ(nearest("evaluatoins", options), "evaluations");
  EXPECT_EQ(nearest("sed", options), "seed");
  EXPECT_EQ(nearest("pop", options), "population");  // the beginning of a word
  EXPECT_EQ(nearest("lr_drops", options), "lr-drops");
}

TEST(Nearest, FindsNothingInOtherWords) {
  EXPECT_EQ(nearest("gpu", options), std::nullopt);
  EXPECT_EQ(nearest("", options), std::nullopt);
  EXPECT_EQ(nearest(std::string(1000, 'x'), options), std::nullopt);
  EXPECT_EQ(nearest("seed", {}), std::nullopt);
}

TEST(Nearest, SuggestsOrLists) {
  const std::vector<std::string> two = {"flat", "hierarchical"};
  EXPECT_EQ(suggestion_for("falt", two), "Did you mean 'flat'?");
  EXPECT_EQ(suggestion_for("zzz", two), "Known: flat, hierarchical.");
}

}  // namespace
}  // namespace hierevo::core
