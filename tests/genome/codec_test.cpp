#include "hierevo/genome/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "genome/published_cell.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/genome/mutation.hpp"

namespace hierevo::genome {
namespace {

using testing::HasSubstr;

TEST(Codec, RoundTripsRandomGenotypesOfManySpaces) {
  core::RandomStream random(1);
  for (const char* name : {"hierarchical", "flat", "2x3,3x4,1x2", "1x2"}) {
    const SearchSpace space = SearchSpace::parse(name);
    for (int n = 0; n < 200; ++n) {
      const Genotype genotype = random_genotype(space, random, 100);
      ASSERT_EQ(genotype_from_json(json_text(genotype), "test"), genotype);
    }
  }
}

std::string refusal(const std::string& text) {
  try {
    genotype_from_json(text, "'x.json'");
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

/// The published cell with one place changed.
std::string damaged(const char* pointer, const nlohmann::json& value) {
  nlohmann::json document = to_json(published_cell());
  document[nlohmann::json::json_pointer(pointer)] = value;
  return document.dump();
}

TEST(Codec, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(refusal("{"), HasSubstr("'x.json' is not a genotype (it is not JSON)"));
  EXPECT_THAT(refusal("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("member \"format\" is missing"));
  EXPECT_THAT(refusal(damaged("/format", "x")), HasSubstr("it must be \"hierevo.genotype\""));
  EXPECT_THAT(refusal(damaged("/version", 2)), HasSubstr("version: 2 is not known here"));
  EXPECT_THAT(refusal(damaged("/levels/0/motifs/1/2", "conv1x2")),
              HasSubstr("level 2, motif 2, edge 3: 'conv1x2' is not a primitive). Did you mean "
                        "'conv1x1'?"));
  EXPECT_THAT(refusal(damaged("/levels/1/motifs/0/0", 7)),
              HasSubstr("level 3, motif 1, edge 1: 7 is neither"));
  EXPECT_THAT(refusal(damaged("/levels/1/motifs/0/0", 0)), HasSubstr("0 is neither"));
  EXPECT_THAT(refusal(damaged("/levels/1/motifs/0/0", 1.5)), HasSubstr("1.5 is neither"));
  EXPECT_THAT(refusal(damaged("/levels/1/nodes", 6)), HasSubstr("6 nodes have 15 edges"));
  EXPECT_THAT(refusal(damaged("/levels/1/nodes", 1000000000000)), HasSubstr("more than 32 nodes"));
  EXPECT_THAT(refusal(damaged("/levels/1/level", 2)), HasSubstr("numbered from 2 up"));
  EXPECT_THAT(refusal(damaged("/levels/0/motifs/0", "none")), HasSubstr("edges, in a list"));
  EXPECT_THAT(refusal(damaged("/levels", nlohmann::json::array())), HasSubstr("0 levels"));
}

TEST(Codec, WholeNumbersMayHaveAPoint) {
  for (const char* pointer : {"/version", "/levels/1/level", "/levels/1/nodes"}) {
    const auto place = nlohmann::json::json_pointer(pointer);
    const auto value = to_json(published_cell()).at(place).get<double>();
    EXPECT_EQ(genotype_from_json(damaged(pointer, value), "'x.json'"), published_cell()) << pointer;
    EXPECT_THAT(refusal(damaged(pointer, value + 0.5)), HasSubstr("must be a whole number"));
    EXPECT_THAT(refusal(damaged(pointer, -value)), HasSubstr("must be a whole number"));
    EXPECT_THAT(refusal(damaged(pointer, 1e300)), HasSubstr("must be a whole number"));
  }
  EXPECT_EQ(refusal(damaged("/levels/1/motifs/0/0", 2.0)), "accepted");
}

TEST(Codec, SurvivesDeepNestingAndCutTexts) {
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("is not a genotype"));
  const std::string text = json_text(published_cell());
  for (std::size_t length = 0; length < text.size(); ++length) {
    ASSERT_THAT(refusal(text.substr(0, length)), HasSubstr("is not a genotype"));
  }
}

TEST(Codec, NamesAMissingFile) {
  try {
    read_genotype("no/such.json");
    FAIL();
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("Cannot open 'no/such.json' (No such file or directory)"));
  }
}

}  // namespace
}  // namespace hierevo::genome
