#include "comm/behaviours.hpp"

#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/random.hpp"

namespace hierevo::test {

namespace {

using namespace std::chrono_literals;
using comm::Communicator;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::byte>;

/// A message that takes longer is lost.
constexpr auto patience = 30s;

/// Contents that only this message between these ranks has: `length` pseudo-random bytes.
Bytes contents(int source, int destination, std::uint64_t index, std::size_t length) {
  const auto pair = static_cast<std::uint64_t>(source * 1000 + destination);
  core::RandomStream random(pair, index, "contents");
  Bytes data(length);
  for (std::size_t i = 0; i < length; i += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(data.data() + i, &word, std::min(sizeof word, length - i));
  }
  return data;
}

int next_rank(const Communicator& communicator) {
  return (communicator.rank() + 1) % communicator.size();
}

int previous_rank(const Communicator& communicator) {
  return (communicator.rank() + communicator.size() - 1) % communicator.size();
}

std::size_t index_of(int rank) {
  return static_cast<std::size_t>(rank);
}

void expect_message(Communicator& communicator, int source, const Bytes& data) {
  const auto message = communicator.receive(patience);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->source, source);
  EXPECT_TRUE(message->data == data);  // not EXPECT_EQ: it would print 64 KiB
}

void knows_the_group(Communicator& communicator) {
  EXPECT_GE(communicator.size(), 1);
  EXPECT_GE(communicator.rank(), 0);
  EXPECT_LT(communicator.rank(), communicator.size());
}

void sends_to_itself(Communicator& communicator) {
  const int self = communicator.rank();
  const Bytes first = contents(self, self, 1, 100);
  const Bytes second = contents(self, self, 2, 200);
  communicator.send(self, first);
  communicator.send(self, second);
  expect_message(communicator, self, first);
  expect_message(communicator, self, second);
}

/// The shortest and the longest messages, and those around the sizes where transports change over.
void carries_every_length(Communicator& communicator) {
  const std::size_t lengths[] = {0,    1,    7,     4000,  4096,
                                 4097, 8192, 65000, 65535, comm::longest_message};
  for (const std::size_t length : lengths) {
    SCOPED_TRACE(length);
    communicator.send(next_rank(communicator),
                      contents(communicator.rank(), next_rank(communicator), length, length));
    expect_message(communicator, previous_rank(communicator),
                   contents(previous_rank(communicator), communicator.rank(), length, length));
  }
}

/// Long messages between short ones: on its way, a short one could overtake.
void keeps_the_order_of_each_sender(Communicator& communicator) {
  constexpr std::uint64_t count = 60;
  const auto length = [](std::uint64_t index) {
    return index % 3 == 0 ? comm::longest_message : index % 3;
  };
  for (std::uint64_t index = 0; index < count; ++index) {
    for (int to = 0; to < communicator.size(); ++to) {
      communicator.send(to, contents(communicator.rank(), to, index, length(index)));
    }
  }
  std::vector<std::uint64_t> next(index_of(communicator.size()), 0);
  for (std::uint64_t i = 0; i < count * next.size(); ++i) {
    const auto message = communicator.receive(patience);
    ASSERT_TRUE(message.has_value());
    const std::uint64_t index = next[index_of(message->source)]++;
    ASSERT_TRUE(message->data ==
                contents(message->source, communicator.rank(), index, length(index)))
        << "message " << index << " of rank " << message->source;
  }
}

void refuses_a_too_long_message(Communicator& communicator) {
  try {
    communicator.send(communicator.rank(), Bytes(comm::longest_message + 1));
    FAIL() << "it was sent";
  } catch (const core::CommunicationError& error) {
    EXPECT_EQ(error.rank(), communicator.rank());
    const std::string text = error.what();
    EXPECT_NE(text.find("a message of 65537 bytes"), std::string::npos) << text;
    EXPECT_NE(text.find("the longest allowed is 65536 bytes"), std::string::npos) << text;
  }
  communicator.send(communicator.rank(), Bytes(3));
  expect_message(communicator, communicator.rank(), Bytes(3));
}

void refuses_a_wrong_destination(Communicator& communicator) {
  for (const int destination : {-2, -1, communicator.size(), communicator.size() + 100}) {
    try {
      communicator.send(destination, Bytes(3));
      ADD_FAILURE() << "sent to rank " << destination;
    } catch (const core::CommunicationError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("to rank " + std::to_string(destination)), std::string::npos) << text;
      EXPECT_NE(text.find("has the ranks 0 to"), std::string::npos) << text;
    }
  }
  EXPECT_FALSE(communicator.receive(0ns).has_value());
}

void receives_nothing_when_the_time_is_up(Communicator& communicator) {
  const auto start = Clock::now();
  EXPECT_FALSE(communicator.receive(50ms).has_value());
  EXPECT_GE(Clock::now() - start, 50ms);
  EXPECT_FALSE(communicator.receive(0ns).has_value());
  EXPECT_FALSE(communicator.receive(-1s).has_value());
  EXPECT_FALSE(communicator.receive(std::chrono::nanoseconds::min()).has_value());
}

/// A token goes round; a rank that is not woken by it would wait for the whole of its patience.
void wakes_when_a_message_comes(Communicator& communicator) {
  const auto start = Clock::now();
  const Bytes token(1);
  for (int round = 0; round < 20; ++round) {
    if (communicator.rank() == 0) communicator.send(next_rank(communicator), token);
    const auto message = communicator.receive(std::chrono::nanoseconds::max());
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->source, previous_rank(communicator));
    if (communicator.rank() != 0) communicator.send(next_rank(communicator), token);
  }
  EXPECT_LT(Clock::now() - start, patience);
}

void gathers_from_all_at_one(Communicator& communicator) {
  constexpr std::uint64_t count = 200;
  const int self = communicator.rank();
  for (std::uint64_t index = 0; index < count; ++index) {
    communicator.send(0, contents(self, 0, index, 500));
  }
  if (self != 0) {
    EXPECT_TRUE(communicator.flush(patience));
    return;
  }
  std::vector<std::uint64_t> next(index_of(communicator.size()), 0);
  for (std::uint64_t i = 0; i < count * next.size(); ++i) {
    const auto message = communicator.receive(patience);
    ASSERT_TRUE(message.has_value());
    const std::uint64_t index = next[index_of(message->source)]++;
    ASSERT_TRUE(message->data == contents(message->source, 0, index, 500));
  }
  EXPECT_EQ(next, std::vector<std::uint64_t>(next.size(), count));
}

/// Nobody receives until all messages have left, and none can leave before somebody receives.
void flushes_while_all_flush(Communicator& communicator) {
  constexpr std::uint64_t count = 10;
  const int self = communicator.rank();
  const int to = next_rank(communicator);
  const int from = previous_rank(communicator);
  EXPECT_TRUE(communicator.flush(0ns));
  for (std::uint64_t index = 0; index < count; ++index) {
    communicator.send(to, contents(self, to, index, comm::longest_message));
  }
  EXPECT_TRUE(communicator.flush(patience));
  for (std::uint64_t index = 0; index < count; ++index) {
    expect_message(communicator, from, contents(from, self, index, comm::longest_message));
  }
}

/// Sizes from none to the longest, most of them short.
std::size_t storm_length(core::RandomStream& random) {
  const std::uint64_t bound = std::uint64_t{1} << random.below(17);
  return random.below(bound + 1);
}

/// The checksum of a message, in front of its bytes.
Bytes sealed(const Bytes& payload) {
  const std::uint32_t checksum = core::crc32c(payload);
  Bytes data(sizeof checksum + payload.size());
  std::memcpy(data.data(), &checksum, sizeof checksum);
  std::copy(payload.begin(), payload.end(), data.begin() + sizeof checksum);
  return data;
}

bool seal_is_whole(const Bytes& data) {
  std::uint32_t checksum = 0;
  if (data.size() < sizeof checksum) return false;
  std::memcpy(&checksum, data.data(), sizeof checksum);
  return checksum == core::crc32c(std::span(data).subspan(sizeof checksum));
}

/// Every rank sends to every rank, many messages of all lengths, and receives in between.
void survives_a_storm(Communicator& communicator) {
  constexpr std::uint64_t count = 150;
  const int self = communicator.rank();
  const std::uint64_t expected = count * static_cast<std::uint64_t>(communicator.size());
  core::RandomStream random(1, static_cast<std::uint64_t>(self), "storm");
  std::uint64_t received = 0;
  const auto take = [&](std::chrono::nanoseconds timeout) {
    const auto message = communicator.receive(timeout);
    if (!message) return false;
    ++received;
    EXPECT_TRUE(seal_is_whole(message->data)) << "message " << received << " at rank " << self;
    return true;
  };
  for (std::uint64_t index = 0; index < count; ++index) {
    for (int to = 0; to < communicator.size(); ++to) {
      const std::size_t length = std::min(storm_length(random), comm::longest_message - 4);
      communicator.send(to, sealed(contents(self, to, index, length)));
    }
    while (random.below(3) != 0 && take(0ns)) continue;
  }
  while (received < expected) ASSERT_TRUE(take(patience)) << received << " of " << expected;
  EXPECT_FALSE(take(0ns));
}

std::chrono::nanoseconds cpu_time_of_this_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void waits_without_burning_a_core(Communicator& communicator) {
  const auto wall_start = Clock::now();
  const auto cpu_start = cpu_time_of_this_thread();
  EXPECT_FALSE(communicator.receive(300ms).has_value());
  const std::chrono::duration<double> cpu = cpu_time_of_this_thread() - cpu_start;
  const std::chrono::duration<double> wall = Clock::now() - wall_start;
  EXPECT_LT(cpu / wall, 0.4);
  testing::Test::RecordProperty("cpu_share", std::to_string(cpu / wall));
}

constexpr Behaviour all_behaviours[] = {
    {"knows_the_group", knows_the_group},
    {"sends_to_itself", sends_to_itself},
    {"carries_every_length", carries_every_length},
    {"keeps_the_order_of_each_sender", keeps_the_order_of_each_sender},
    {"refuses_a_too_long_message", refuses_a_too_long_message},
    {"refuses_a_wrong_destination", refuses_a_wrong_destination},
    {"receives_nothing_when_the_time_is_up", receives_nothing_when_the_time_is_up},
    {"wakes_when_a_message_comes", wakes_when_a_message_comes},
    {"gathers_from_all_at_one", gathers_from_all_at_one},
    {"flushes_while_all_flush", flushes_while_all_flush},
    {"survives_a_storm", survives_a_storm},
    {"waits_without_burning_a_core", waits_without_burning_a_core},
};

}  // namespace

std::span<const Behaviour> behaviours() {
  return all_behaviours;
}

}  // namespace hierevo::test
