#include "hierevo/core/random.hpp"

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/core/hash.hpp"
#include "support/chi_square.hpp"

namespace hierevo::core {
namespace {

/// The published values of SplitMix64 for seed 1234567: files of other machines must replay here.
TEST(RandomStream, IsSplitMix64) {
  RandomStream random(1234567);
  EXPECT_EQ(random(), 6457827717110365317u);
  EXPECT_EQ(random(), 3203168211198807973u);
  EXPECT_EQ(random(), 9817491932198370423u);
}

TEST(RandomStream, IsUniformBelowItsBound) {
  for (const std::uint64_t bound : {2u, 6u, 7u, 46u}) {
    RandomStream random(99);
    std::vector<double> observed(bound, 0.0);
    const int draws = 100'000;
    for (int i = 0; i < draws; ++i) observed.at(random.below(bound)) += 1.0;
    const std::vector<double> expected(bound, draws / static_cast<double>(bound));
    EXPECT_GT(test::chi_square_p(observed, expected), 1e-3) << bound;
  }
  RandomStream random(1);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(RandomStream, HasNoBiasForHugeBounds) {
  // With a plain modulo, two thirds of the draws would fall into the lower half of this bound.
  const std::uint64_t bound = (std::uint64_t{3} << 62);
  RandomStream random(5);
  int low = 0;
  for (int i = 0; i < 10'000; ++i) low += random.below(bound) < bound / 2 ? 1 : 0;
  EXPECT_NEAR(low, 5000, 200);
}

TEST(DeriveSeed, DiffersByEveryArgument) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t root = 0; root < 20; ++root) {
    for (std::uint64_t id = 0; id < 200; ++id) {
      for (const char* purpose : {"mutation", "tournament", "evaluation"}) {
        seeds.insert(derive_seed(root, id, purpose));
      }
    }
  }
  EXPECT_EQ(seeds.size(), 20u * 200u * 3u);
}

TEST(Crc32c, HasItsCheckValue) {
  const std::string text = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(text))), 0xe3069283u);
}

/// Bit by bit, as it is defined.
std::uint32_t crc32c_of_bits(std::string_view text) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
  }
  return ~crc;
}

TEST(Crc32c, IsTheSameForAnyLengthAndPlace) {
  RandomStream random(3);
  std::string text(64, ' ');
  for (char& c : text) c = static_cast<char>(random.below(256));
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t length = 0; from + length <= text.size(); ++length) {
      const std::string_view part = std::string_view(text).substr(from, length);
      EXPECT_EQ(crc32c(std::as_bytes(std::span(part))), crc32c_of_bits(part)) << from << length;
    }
  }
}

}  // namespace
}  // namespace hierevo::core
