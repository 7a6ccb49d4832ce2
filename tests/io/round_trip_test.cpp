#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/evolution/codec.hpp"
#include "samples.hpp"
#include "utf8.hpp"

namespace hierevo::io {
namespace {

using test::random_snapshot;
using test::same;

Snapshot through_bytes(const Snapshot& snapshot) {
  return decode_snapshot(encode_snapshot(snapshot), "memory");
}

TEST(RoundTrip, KeepsRandomSnapshotsToTheLastBit) {
  const std::array<std::string_view, 6> spaces = {"hierarchical", "flat",     "1x2",
                                                  "2x3,3x2,1x4",  "64x2,1x3", "1x32"};
  core::RandomStream random(11);
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const std::size_t told = random.below(60);
    const std::size_t in_flight = random.below(6);
    Snapshot snapshot = random_snapshot(seed, spaces[seed % spaces.size()], told, in_flight);
    if (seed % 2 == 0) snapshot.owner = {seed + 1, random()};
    ASSERT_EQ(snapshot.state.history.size(), told);
    ASSERT_EQ(snapshot.state.in_flight.size(), in_flight);
    std::string where;
    ASSERT_TRUE(same(snapshot, through_bytes(snapshot), &where)) << where << ", seed " << seed;
  }
}

TEST(RoundTrip, KeepsASearchThatHasNotBegun) {
  const Snapshot snapshot = random_snapshot(1, "hierarchical", 0, 0);
  std::string where;
  EXPECT_TRUE(same(snapshot, through_bytes(snapshot), &where)) << where;
}

TEST(RoundTrip, KeepsASearchOfTheUsualSize) {
  const Snapshot snapshot = random_snapshot(2, "hierarchical", 2000, 64);
  std::string where;
  EXPECT_TRUE(same(snapshot, through_bytes(snapshot), &where)) << where;
}

TEST(RoundTrip, TheSameSnapshotGivesTheSameBytes) {
  const Snapshot snapshot = random_snapshot(3, "flat", 50, 3);
  EXPECT_EQ(encode_snapshot(snapshot), encode_snapshot(snapshot));
}

TEST(RoundTrip, TheEngineGoesOnAsIfNothingHadHappened) {
  const Snapshot snapshot = random_snapshot(4, "hierarchical", 40, 2);
  const Snapshot read = through_bytes(snapshot);
  evolution::Engine kept(snapshot.options, snapshot.state);
  evolution::Engine resumed(read.options, read.state);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(kept.ask(), resumed.ask());
}

TEST(RoundTrip, MakesReasonsValidText) {
  Snapshot snapshot = random_snapshot(5, "flat", 1, 0);
  snapshot.state.history[0].evaluation.reason = std::string("a\0b\xff", 4);
  const Snapshot read = through_bytes(snapshot);
  EXPECT_EQ(read.state.history[0].evaluation.reason, "a\uFFFDb\uFFFD");
}

TEST(RoundTrip, KeepsWhatWasKnownOfThoseThatHaveIt) {
  Snapshot snapshot = random_snapshot(6, "flat", 10, 2);
  EXPECT_TRUE(snapshot.state.history[3].candidate.known.has_value());
  // A search that resumes from a snapshot of before this was stored.
  snapshot.state.history[3].candidate.known.reset();
  snapshot.state.in_flight[0].known.reset();
  std::string where;
  EXPECT_TRUE(same(snapshot, through_bytes(snapshot), &where)) << where;
}

TEST(RoundTrip, WithoutMetricsTheBytesAreThoseOfBeforeThereWereAny) {
  Snapshot snapshot = random_snapshot(8, "flat", 30, 2);
  const auto has_group = [](const std::vector<std::byte>& bytes) {
    constexpr std::string_view name = "metrics";
    return std::search(bytes.begin(), bytes.end(), std::as_bytes(std::span(name)).begin(),
                       std::as_bytes(std::span(name)).end()) != bytes.end();
  };
  EXPECT_TRUE(has_group(encode_snapshot(snapshot)));
  for (auto& individual : snapshot.state.history) individual.evaluation.metrics.clear();
  EXPECT_FALSE(has_group(encode_snapshot(snapshot)));
}

TEST(RoundTrip, KeepsMetricsThatAreDifferentForEachIndividual) {
  Snapshot snapshot = random_snapshot(9, "flat", 200, 0);
  for (std::size_t i = 0; i < snapshot.state.history.size(); ++i) {
    auto& metrics = snapshot.state.history[i].evaluation.metrics;
    metrics.clear();
    for (std::size_t k = 0; k < i % (evolution::most_metrics + 1); ++k) {
      metrics.emplace("of-" + std::to_string(i) + "/" + std::to_string(k), 0.1 * double(k));
    }
  }
  std::string where;
  EXPECT_TRUE(same(snapshot, through_bytes(snapshot), &where)) << where;
}

TEST(Utf8, KeepsValidTextAndReplacesTheRest) {
  EXPECT_EQ(to_utf8(""), "");
  EXPECT_EQ(to_utf8("plain"), "plain");
  EXPECT_EQ(to_utf8("é€🧨"), "é€🧨");
  EXPECT_EQ(to_utf8("\xC0\xAF"), "\uFFFD\uFFFD");            // an overlong slash
  EXPECT_EQ(to_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // half a surrogate pair
  EXPECT_EQ(to_utf8("\xF4\x90\x80\x80x").back(), 'x');       // beyond U+10FFFF
  EXPECT_EQ(to_utf8("cut \xE2\x82"), "cut \uFFFD\uFFFD");    // ends inside a character
  EXPECT_EQ(to_utf8(std::string_view("\0", 1)), "\uFFFD");
}

TEST(Golden, VersionOneStaysReadable) {
  const auto path = std::filesystem::path(HIEREVO_TEST_DATA) / "snapshot_v1.h5";
  const Snapshot read = decode_snapshot(core::read_file(path), path);
  std::string where;
  EXPECT_TRUE(same(read, test::golden_snapshot(), &where)) << where;
  // A few by hand, in case both of the above go wrong in the same way.
  EXPECT_EQ(read.options.space.name(), "2x3,1x3");
  EXPECT_EQ(read.options.seed, 18446744073709551615U);
  ASSERT_EQ(read.state.history.size(), 3U);
  EXPECT_EQ(number(read.state.history[0].candidate.id), 2U);
  EXPECT_EQ(read.state.history[0].evaluation.fitness, 0.75);
  EXPECT_EQ(read.state.history[1].evaluation.reason, "Verlust ∞ nach Schritt 3");
  EXPECT_EQ(read.state.history[1].evaluation.repeat_loss.size(), 3U);
  ASSERT_EQ(read.state.in_flight.size(), 1U);
  EXPECT_EQ(read.state.in_flight[0].genotype.genes()[0], 5);
  EXPECT_EQ(read.progress.unix_seconds, 1'700'000'000);
}

TEST(Golden, VersionTwoStaysReadable) {
  const auto path = std::filesystem::path(HIEREVO_TEST_DATA) / "snapshot_v2.h5";
  const Snapshot read = decode_snapshot(core::read_file(path), path);
  std::string where;
  EXPECT_TRUE(same(read, test::golden_snapshot_2(), &where)) << where;
  EXPECT_EQ(evolution::text_of(read.options.objectives), "fitness,-device/latency,-parameters");
  EXPECT_EQ(read.state.history[0].evaluation.metrics.at("device/latency"), 0.125);
  EXPECT_EQ(read.state.history[0].evaluation.metrics.at("memory"), -2e9);
  EXPECT_EQ(read.owner.incarnation, 5U);
}

}  // namespace
}  // namespace hierevo::io
