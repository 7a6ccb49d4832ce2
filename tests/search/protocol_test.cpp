#include "protocol.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/evolution/codec.hpp"
#include "sample_messages.hpp"

namespace hierevo::search {
namespace {

TEST(Protocol, RoundTrips) {
  for (const char* space : {"hierarchical", "flat", "3x3,2x4,1x6"}) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      const Work work = sample_work(space, seed);
      const auto read = decode(encode(work));
      ASSERT_TRUE(read.has_value());
      ASSERT_EQ(std::get<Work>(*read).candidate, work.candidate);
      ASSERT_EQ(std::get<Work>(*read).memory_parts, work.memory_parts);
    }
  }
  const auto read = decode(encode(sample_failure()));
  EXPECT_EQ(std::get<Result>(*read).id, sample_failure().id);
  EXPECT_EQ(std::get<Result>(*read).evaluation, sample_failure().evaluation);
  const auto hello = std::get<Hello>(*decode(encode(sample_hello())));
  EXPECT_EQ(hello.program, "0.1.0");
  EXPECT_EQ(hello.host, "node7");
  EXPECT_EQ(hello.fingerprint, 99u);
  EXPECT_EQ(hello.evaluators, 4u);
  EXPECT_EQ(hello.place, "GPUs 0 1");
  EXPECT_EQ(hello.evaluator_memory, 34'000'000'000);
  EXPECT_EQ(hello.data, sample_hello().data);
  EXPECT_EQ(hello.error, "no data");
  // The encoding has all of a message: what is read is written as it was.
  for (const auto& [name, message] : sample_messages()) {
    const auto bytes = encode(message);
    const auto again = decode(bytes);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->index(), message.index());
    EXPECT_EQ(encode(*again), bytes);
  }
  EXPECT_TRUE(std::holds_alternative<Drain>(*decode(encode(Drain{}))));
  EXPECT_EQ(std::get<CapacityReduced>(*decode(encode(CapacityReduced{3}))).evaluators, 3u);
  const evolution::IndividualId id{9};
  EXPECT_EQ(std::get<Cancel>(*decode(encode(Cancel{id}))).id, id);
  EXPECT_EQ(std::get<Cancelled>(*decode(encode(Cancelled{id}))).id, id);
}

TEST(Protocol, RefusesEveryCutAndEveryAddedByte) {
  for (const auto& [name, message] : sample_messages()) {
    auto bytes = encode(message);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      ASSERT_FALSE(decode(std::span(bytes).first(length)).has_value());
    }
    bytes.push_back(std::byte{0});
    ASSERT_FALSE(decode(bytes).has_value());
  }
}

TEST(Protocol, SurvivesAnyBytes) {
  const auto samples = sample_messages();
  core::RandomStream random(8);
  std::size_t accepted = 0;
  for (int n = 0; n < 20'000; ++n) {
    auto bytes = encode(samples[random.below(samples.size())].message);
    for (std::uint64_t changes = 1 + random.below(8); changes > 0; --changes) {
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.below(256));
    }
    accepted += decode(bytes).has_value() ? 1 : 0;  // some changes leave a sound message
  }
  EXPECT_LT(accepted, 20'000u);
  for (int n = 0; n < 2'000; ++n) {
    std::vector<std::byte> bytes(random.below(300));
    for (auto& byte : bytes) byte = static_cast<std::byte>(random.below(256));
    ASSERT_FALSE(decode(bytes).has_value());
  }
}

TEST(Protocol, RefusesAnotherVersion) {
  auto bytes = encode(Drain{});
  bytes[4] = std::byte{protocol_version + 1};
  EXPECT_FALSE(decode(bytes).has_value());
}

TEST(Protocol, RefusesValuesThatCannotBe) {
  Result result = sample_failure();
  result.evaluation.fitness = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(decode(encode(result)).has_value());
  result = sample_failure();
  result.evaluation.seconds = -1.0;
  EXPECT_FALSE(decode(encode(result)).has_value());
  result = sample_failure();
  result.evaluation.repeat_fitness.assign(evolution::most_repeats + 1, 0.5);
  EXPECT_FALSE(decode(encode(result)).has_value());
}

TEST(Protocol, RefusesCandidatesAndNumbersOfEvaluatorsThatCannotBe) {
  EXPECT_FALSE(decode(encode(Cancel{})).has_value());
  EXPECT_FALSE(decode(encode(Cancelled{})).has_value());
  for (const std::uint32_t evaluators : {0U, 1025U}) {
    EXPECT_FALSE(decode(encode(CapacityReduced{evaluators})).has_value());
  }
}

TEST(Protocol, RefusesMemoryPartsThatCannotBe) {
  for (const int parts : {0, 3, 32, 255}) {
    Work work = sample_work("flat", 1);
    work.memory_parts = parts;
    EXPECT_FALSE(decode(encode(work)).has_value()) << parts;
  }
}

TEST(Protocol, TheLargestMessagesFitTheirBound) {
  ProgressReport report;
  report.parts.assign(most_evaluators, {evolution::IndividualId{1}, {}});
  EXPECT_LE(encode(report).size(), comm::longest_message);
  EXPECT_TRUE(decode(encode(report)).has_value());
  EXPECT_TRUE(decode(encode(search::Setup{std::string(longest_setup, 'x')})).has_value());
  EXPECT_THROW(encode(search::Setup{std::string(longest_setup + 1, 'x')}), core::UsageError);

  Result result = sample_failure();
  result.evaluation.repeat_fitness.assign(evolution::most_repeats, 0.5);
  result.evaluation.repeat_loss.assign(evolution::most_repeats, 0.5);
  result.evaluation.reason.assign(100'000, 'x');  // is cut
  for (std::size_t i = 0; i < evolution::most_metrics; ++i) {
    std::string name = std::to_string(i);
    name.insert(0, evolution::longest_metric_name - name.size(), 'x');
    result.evaluation.metrics[name] = 1.0;
  }
  const auto bytes = encode(result);
  EXPECT_LE(bytes.size(), comm::longest_message);
  EXPECT_EQ(std::get<Result>(*decode(bytes)).evaluation.reason.size(), evolution::longest_reason);
  const Work work = sample_work("64x32,64x8,1x2", 1);
  EXPECT_LE(encode(work).size(), comm::longest_message);
  EXPECT_TRUE(decode(encode(work)).has_value());
}

}  // namespace
}  // namespace hierevo::search
