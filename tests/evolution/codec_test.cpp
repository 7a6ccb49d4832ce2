#include "hierevo/evolution/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "hierevo/core/random.hpp"

namespace hierevo::evolution {
namespace {

using testing::HasSubstr;

std::vector<std::byte> bytes_of(const Metrics& metrics) {
  core::ByteWriter out;
  write(out, metrics);
  return out.take();
}

std::optional<Metrics> read(const std::vector<std::byte>& bytes) {
  core::ByteReader in(bytes);
  auto metrics = read_metrics(in);
  return in.at_end() ? metrics : std::nullopt;
}

std::string random_name(core::RandomStream& random) {
  constexpr std::string_view letters = "abcXYZ";
  constexpr std::string_view all = "abcXYZ019_-./";
  std::string name(1, letters[random.below(letters.size())]);
  for (auto more = random.below(longest_metric_name); more > 0; --more) {
    name += all[random.below(all.size())];
  }
  return name;
}

Metrics random_metrics(core::RandomStream& random) {
  Metrics metrics;
  const auto count = random.below(most_metrics + 1);
  while (metrics.size() < count) {
    metrics[random_name(random)] = static_cast<double>(random()) - 0x1p63;
  }
  return metrics;
}

TEST(MetricsCodec, RoundTrips) {
  core::RandomStream random(5);
  for (int i = 0; i < 300; ++i) {
    const Metrics metrics = random_metrics(random);
    ASSERT_EQ(problem_with(metrics), "");
    EXPECT_EQ(read(bytes_of(metrics)), metrics);
  }
}

TEST(MetricsCodec, RefusesEveryCut) {
  core::RandomStream random(6);
  const std::vector<std::byte> bytes = bytes_of({{"latency", 0.5}, {"memory", 7.0}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}));
  }
}

TEST(MetricsCodec, RefusesNamesOutOfOrderAndTwice) {
  for (const char* second : {"a", "b"}) {
    core::ByteWriter out;
    out.u32(2);
    for (const char* name : {"b", second}) {
      out.text(name);
      out.f64(1.0);
    }
    EXPECT_FALSE(read(out.take())) << second;
  }
}

TEST(MetricsCodec, RefusesWhatIsOutOfBounds) {
  const auto refusal = [](const Metrics& metrics) {
    EXPECT_FALSE(read(bytes_of(metrics)));
    Evaluation evaluation;
    evaluation.metrics = metrics;
    EXPECT_EQ(problem_with(evaluation), problem_with(metrics));
    return problem_with(metrics);
  };
  for (const std::string name : {"", "1st", "_x", "a b", "a\n", "gr\u00f6\u00dfe", "a,b"}) {
    EXPECT_THAT(refusal({{name, 1.0}}), HasSubstr("(names are 1 to 64 letters")) << name;
  }
  EXPECT_THAT(refusal({{"\x1b[2J", 1.0}}), HasSubstr("'\\x1b[2J'"));
  EXPECT_THAT(refusal({{std::string(longest_metric_name + 1, 'a'), 1.0}}), HasSubstr("names are"));
  EXPECT_EQ(problem_with(Metrics{{std::string(longest_metric_name, 'a'), 1.0}}), "");
  for (const char* name : {"fitness", "parameters", "macs"}) {
    EXPECT_THAT(refusal({{name, 1.0}}), HasSubstr("every evaluation has that"));
  }
  for (const double value :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(refusal({{"latency", value}}), HasSubstr("'latency' of"));
  }
  Metrics many;
  for (std::size_t i = 0; i <= most_metrics; ++i) many["m" + std::to_string(i)] = 0.0;
  EXPECT_EQ(refusal(many), "65 metrics (at most 64 are kept)");
}

}  // namespace
}  // namespace hierevo::evolution
