#include "hierevo/genome/search_space.hpp"

#include <gtest/gtest.h>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/genotype.hpp"

namespace hierevo::genome {
namespace {

TEST(SearchSpace, ThePapersSpacesHaveTheirSizes) {
  EXPECT_EQ(SearchSpace::hierarchical().genes(), 46u);
  EXPECT_EQ(SearchSpace::hierarchical().top_level(), 3);
  EXPECT_EQ(SearchSpace::flat().genes(), 55u);
  EXPECT_EQ(SearchSpace::flat().top_level(), 2);
}

TEST(SearchSpace, NamesRoundTrip) {
  for (const char* name : {"hierarchical", "flat", "2x3,3x4,1x2"}) {
    EXPECT_EQ(SearchSpace::parse(name).name(), name);
  }
  EXPECT_EQ(SearchSpace::parse("6x4,1x5"), SearchSpace::hierarchical());
}

TEST(SearchSpace, RefusesWhatIsNoSpace) {
  for (const char* text :
       {"", "flatt", "6x4", "0x4,1x5", "6x1,1x5", "6x4,1x33", "65x4,1x5", "6x4,", "1x5,6", "1x-5",
        "1x99999999999", "1x2,1x2,1x2,1x2,1x2,1x2,1x2,1x2,1x2", "6x20,6x20,1x20"}) {
    EXPECT_THROW(SearchSpace::parse(text), core::UsageError) << text;
  }
}

TEST(Genotype, RefusesGenesThatDoNotFit) {
  const SearchSpace space = SearchSpace::hierarchical();
  std::vector<Gene> genes(space.genes(), 6);
  EXPECT_NO_THROW(Genotype(space, genes));
  genes.back() = 7;
  EXPECT_THROW(Genotype(space, genes), core::UsageError);
  genes.pop_back();
  EXPECT_THROW(Genotype(space, genes), core::UsageError);
}

}  // namespace
}  // namespace hierevo::genome
