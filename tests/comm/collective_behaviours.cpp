#include "comm/collective_behaviours.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>

#include "comm/collective_samples.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/random.hpp"

namespace hierevo::test {

namespace {

using namespace std::chrono_literals;
using comm::Collectives;
using comm::Elements;
using comm::ElementType;
using comm::Request;
using Clock = std::chrono::steady_clock;

constexpr ElementType all_types[] = {ElementType::uint8, ElementType::int64, ElementType::bfloat16,
                                     ElementType::float32, ElementType::float64};
constexpr ElementType summed_types[] = {ElementType::int64, ElementType::bfloat16,
                                        ElementType::float32, ElementType::float64};
/// None, one, powers of two and their neighbours, primes, more than one vector or slice.
constexpr std::size_t counts[] = {0, 1, 2, 3, 7, 64, 65, 1009, 4096, 20011};

/// Elements with what must become of them.
struct Expected {
  Elements elements;
  Bytes result;
};

Elements place(GroupMemory& memory, const Bytes& bytes, ElementType type) {
  const Elements elements{memory.allocate(bytes.size()), bytes.size() / size_of(type), type};
  memory.write(elements.data, bytes);
  return elements;
}

void expect_result(GroupMemory& memory, const Expected& expected, const std::string& what) {
  const Bytes found = memory.read(expected.elements.data, expected.elements.bytes());
  // Not EXPECT_EQ: it would print all of it.
  EXPECT_TRUE(found == expected.result) << what << ", element " << [&] {
    const auto [one, other] = std::mismatch(found.begin(), found.end(), expected.result.begin());
    static_cast<void>(other);
    return (one - found.begin()) / static_cast<std::ptrdiff_t>(size_of(expected.elements.type));
  }();
}

struct Operation {
  Request pending;
  Expected expected;
  std::string what;
};

std::string what_it_is(const char* kind, std::size_t count, ElementType type) {
  return std::string(kind) + " of " + std::to_string(count) + " of type " +
         std::to_string(static_cast<int>(type));
}

Operation start_reduce(Collectives& group, GroupMemory& memory, std::uint64_t index,
                       std::size_t count, ElementType type) {
  Operation operation;
  operation.expected = {place(memory, sample(group.rank(), index, count, type), type),
                        reduced_samples(group.size(), index, count, type)};
  operation.what = what_it_is("sum", count, type);
  operation.pending = group.all_reduce(operation.expected.elements);
  return operation;
}

Operation start_broadcast(Collectives& group, GroupMemory& memory, std::uint64_t index,
                          std::size_t count, ElementType type, int root) {
  Operation operation;
  operation.expected = {place(memory, sample(group.rank(), index, count, type), type),
                        sample(root, index, count, type)};
  operation.what = what_it_is("broadcast", count, type) + " from " + std::to_string(root);
  operation.pending = group.broadcast(operation.expected.elements, root);
  return operation;
}

enum class Gather { aside, in_place };

Operation start_gather(Collectives& group, GroupMemory& memory, std::uint64_t index,
                       std::size_t count, ElementType type, Gather where) {
  Bytes joined;
  for (int rank = 0; rank < group.size(); ++rank) {
    const Bytes part = sample(rank, index, count, type);
    joined.insert(joined.end(), part.begin(), part.end());
  }
  const Bytes mine = sample(group.rank(), index, count, type);
  Operation operation;
  Elements all = place(memory, Bytes(joined.size()), type);
  Elements own = where == Gather::aside
                     ? place(memory, mine, type)
                     : Elements{static_cast<std::byte*>(all.data) +
                                    mine.size() * static_cast<std::size_t>(group.rank()),
                                count, type};
  memory.write(own.data, mine);
  operation.expected = {all, joined};
  operation.what = what_it_is("gather", count, type);
  operation.pending = group.all_gather(own, all);
  return operation;
}

void finish(GroupMemory& memory, Operation& operation) {
  operation.pending.wait();
  EXPECT_TRUE(operation.pending.done());
  expect_result(memory, operation.expected, operation.what);
}

void knows_the_group(Collectives& group, GroupMemory&) {
  EXPECT_GE(group.size(), 1);
  EXPECT_GE(group.rank(), 0);
  EXPECT_LT(group.rank(), group.size());
}

void sums_all_types(Collectives& group, GroupMemory& memory) {
  std::uint64_t index = 0;
  for (const ElementType type : summed_types) {
    for (const std::size_t count : counts) {
      auto operation = start_reduce(group, memory, ++index, count, type);
      finish(memory, operation);
    }
  }
}

/// So many that they go in many pieces, the last of them short.
void sums_many_elements(Collectives& group, GroupMemory& memory) {
  auto floats = start_reduce(group, memory, 1, 1500007, ElementType::float32);
  auto halves = start_reduce(group, memory, 2, 1200007, ElementType::bfloat16);
  finish(memory, halves);
  finish(memory, floats);
}

void broadcasts_from_every_root(Collectives& group, GroupMemory& memory) {
  std::uint64_t index = 0;
  for (int root = 0; root < group.size(); ++root) {
    for (const ElementType type : all_types) {
      for (const std::size_t count : counts) {
        auto operation = start_broadcast(group, memory, ++index, count, type, root);
        finish(memory, operation);
      }
    }
  }
  auto operation =
      start_broadcast(group, memory, ++index, 3000017, ElementType::uint8, group.size() - 1);
  finish(memory, operation);
}

void gathers_in_the_order_of_ranks(Collectives& group, GroupMemory& memory) {
  std::uint64_t index = 0;
  for (const Gather where : {Gather::aside, Gather::in_place}) {
    for (const ElementType type : all_types) {
      for (const std::size_t count : counts) {
        auto operation = start_gather(group, memory, ++index, count, type, where);
        finish(memory, operation);
      }
    }
    auto operation = start_gather(group, memory, ++index, 150001, ElementType::float64, where);
    finish(memory, operation);
  }
}

/// By a clock that all ranks of a machine share. Each time another rank has something else to do
/// before.
void leaves_no_barrier_before_all_have_come(Collectives& group, GroupMemory& memory) {
  for (int late = 0; late < group.size(); ++late) {
    if (group.rank() == late) sample(0, 0, 300000, ElementType::float64);
    std::int64_t times[2] = {Clock::now().time_since_epoch().count(), 0};
    group.barrier().wait();
    times[1] = Clock::now().time_since_epoch().count();

    Bytes bytes(sizeof times);
    std::memcpy(bytes.data(), times, sizeof times);
    const Elements own = place(memory, bytes, ElementType::int64);
    const auto ranks = static_cast<std::size_t>(group.size());
    const Elements all = place(memory, Bytes(sizeof times * ranks), ElementType::int64);
    group.all_gather(own, all).wait();
    std::vector<std::int64_t> of_all(2 * ranks);
    std::memcpy(of_all.data(), memory.read(all.data, all.bytes()).data(), all.bytes());
    for (std::size_t rank = 0; rank < ranks; ++rank) EXPECT_LE(of_all[2 * rank], times[1]);
  }
}

/// Any of the operations, by a stream that all ranks share.
Operation start_any(Collectives& group, GroupMemory& memory, std::uint64_t index,
                    core::RandomStream& random) {
  const std::size_t count = random.below(std::uint64_t{1} << random.below(16));
  const ElementType type = all_types[random.below(std::size(all_types))];
  const auto root = static_cast<int>(random.below(static_cast<std::uint64_t>(group.size())));
  const std::uint64_t kind = random.below(4);
  if (kind == 0) return start_broadcast(group, memory, index, count, type, root);
  if (kind == 1) return start_gather(group, memory, index, count, type, Gather::aside);
  if (kind == 2 || type == ElementType::uint8) {
    Operation operation;
    operation.expected = {place(memory, {}, type), {}};
    operation.pending = group.barrier();
    return operation;
  }
  return start_reduce(group, memory, index, count, type);
}

/// Each rank waits for them in another order.
void keeps_many_operations_under_way(Collectives& group, GroupMemory& memory) {
  core::RandomStream shared(1, 0, "operations");
  core::RandomStream own(1, static_cast<std::uint64_t>(group.rank()), "order");
  std::vector<Operation> operations;
  for (std::uint64_t index = 0; index < 150; ++index) {
    operations.push_back(start_any(group, memory, index, shared));
  }
  while (!operations.empty()) {
    const auto next = static_cast<std::ptrdiff_t>(own.below(operations.size()));
    finish(memory, operations[static_cast<std::size_t>(next)]);
    operations.erase(operations.begin() + next);
  }
}

/// Checksums tell; that ranks add in another order shows with these samples.
void gives_the_same_bits_everywhere_and_again(Collectives& group, GroupMemory& memory) {
  std::vector<std::uint32_t> checksums;
  for (int round = 0; round < 2; ++round) {
    for (const ElementType type : summed_types) {
      const Bytes mine = sample(group.rank(), 3, 70001, type);
      const Elements elements = place(memory, mine, type);
      group.all_reduce(elements).wait();
      checksums.push_back(core::crc32c(memory.read(elements.data, elements.bytes())));
    }
  }
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(checksums[i], checksums[4 + i]);

  Bytes bytes(checksums.size() * sizeof checksums[0]);
  std::memcpy(bytes.data(), checksums.data(), bytes.size());
  const Elements own = place(memory, bytes, ElementType::uint8);
  const auto ranks = static_cast<std::size_t>(group.size());
  const Elements all = place(memory, Bytes(bytes.size() * ranks), ElementType::uint8);
  group.all_gather(own, all).wait();
  const Bytes of_all = memory.read(all.data, all.bytes());
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(),
                           of_all.begin() + static_cast<std::ptrdiff_t>(rank * bytes.size())));
  }
}

void expect_refusal(const std::function<Request()>& start, const std::string& text) {
  try {
    start().wait();
    ADD_FAILURE() << "it was started";
  } catch (const core::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

void refuses_what_can_never_be_right(Collectives& group, GroupMemory& memory) {
  const int size = group.size();
  const Elements floats = place(memory, Bytes(8), ElementType::float32);
  const Elements bytes = place(memory, Bytes(8), ElementType::uint8);
  const Elements nowhere{nullptr, 3, ElementType::float32};
  expect_refusal([&] { return group.all_reduce(bytes); }, "uint8 cannot be summed");
  expect_refusal([&] { return group.all_reduce(nowhere); }, "There are no 3 elements");
  expect_refusal([&] { return group.broadcast(nowhere, 0); }, "There are no 3 elements");
  expect_refusal([&] { return group.broadcast(floats, -1); }, "Rank -1 cannot be the root");
  expect_refusal([&] { return group.broadcast(floats, size); },
                 "the group has the ranks 0 to " + std::to_string(size - 1));
  const auto ranks = static_cast<std::size_t>(size);
  const Elements more = place(memory, Bytes(8 * ranks + 4), ElementType::float32);
  expect_refusal([&] { return group.all_gather(floats, more); }, "2 float32 of each rank");
  expect_refusal(
      [&] {
        return group.all_gather(floats, {more.data, 2 * ranks, ElementType::bfloat16});
      },
      "do not gather to");

  auto operation = start_reduce(group, memory, 1, 10, ElementType::float32);
  finish(memory, operation);
}

void waits_where_nobody_asks_for_it(Collectives& group, GroupMemory& memory) {
  EXPECT_TRUE(Request().done());
  Request().wait();
  std::vector<Expected> expected;
  for (std::uint64_t index = 0; index < 4; ++index) {
    auto operation = start_reduce(group, memory, index, 5000, ElementType::float32);
    expected.push_back(operation.expected);
    if (index % 2 == 0) operation.pending = Request();
  }
  for (const auto& each : expected) expect_result(memory, each, "of a Request that has ended");
}

void comes_to_be_done_without_waiting(Collectives& group, GroupMemory& memory) {
  auto operation = start_reduce(group, memory, 1, 100000, ElementType::float32);
  while (!operation.pending.done()) std::this_thread::yield();
  finish(memory, operation);
}

/// Ties, the ends of the range, zeros, infinities, not-a-numbers: as float32 has them, rounded
/// once.
void rounds_bfloat16_to_nearest_even(Collectives& group, GroupMemory& memory) {
  // One of them from each rank; beyond the last rank, zeros.
  const std::vector<std::vector<float>> addends = {
      {1, 0x1p-8F, 0, 0},             // a tie, to even below
      {1, 0x1p-7F, 0x1p-8F, 0},       // a tie, to even above
      {1, 0x1p-8F, 0x1p-16F, 0},      // just above a tie: rounded twice, it would be one
      {0x1.fep127F, 0x1p119F, 0, 0},  // to infinity
      {-0.0F, -0.0F, -0.0F, -0.0F},
      {std::numeric_limits<float>::infinity(), 1, 1, 1},
      {0x1p-133F, 0x1p-133F, 0, 0},  // the least there is
      {256, 1, 1, 1}};               // each 1 alone would vanish
  const auto ranks = static_cast<std::size_t>(group.size());
  std::vector<Bytes> inputs;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    Bytes bytes;
    for (const auto& each : addends) {
      const float zero = std::signbit(each[3]) ? -0.0F : 0.0F;
      const std::uint16_t bits = nearest_bfloat16(rank < each.size() ? each[rank] : zero);
      bytes.push_back(static_cast<std::byte>(bits & 0xff));
      bytes.push_back(static_cast<std::byte>(bits >> 8));
    }
    inputs.push_back(bytes);
  }
  const Bytes& mine = inputs[static_cast<std::size_t>(group.rank())];
  const Elements elements = place(memory, mine, ElementType::bfloat16);
  group.all_reduce(elements).wait();
  expect_result(memory, {elements, reduced(inputs, ElementType::bfloat16)}, "bfloat16");

  const std::uint16_t not_a_number[] = {0x7f81, 0xffff, 0x7fc0};
  Bytes bytes(sizeof not_a_number);
  std::memcpy(bytes.data(), not_a_number, sizeof not_a_number);
  const Elements none = place(memory, bytes, ElementType::bfloat16);
  group.all_reduce(none).wait();
  std::uint16_t found[3];
  std::memcpy(found, memory.read(none.data, none.bytes()).data(), sizeof found);
  for (const std::uint16_t bits : found) EXPECT_TRUE(std::isnan(from_bfloat16(bits)));
}

std::chrono::nanoseconds cpu_time_of_this_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// The last rank comes late; those who wait for it leave it the core.
void waits_without_burning_a_core(Collectives& group, GroupMemory& memory) {
  if (group.rank() + 1 == group.size()) std::this_thread::sleep_for(300ms);
  const auto wall_start = Clock::now();
  const auto cpu_start = cpu_time_of_this_thread();
  const Elements elements = place(memory, Bytes(4), ElementType::float32);
  group.all_reduce(elements).wait();
  const std::chrono::duration<double> cpu = cpu_time_of_this_thread() - cpu_start;
  const std::chrono::duration<double> wall = Clock::now() - wall_start;
  if (wall > 100ms) {
    EXPECT_LT(cpu / wall, 0.4);
  }
}

constexpr CollectiveBehaviour all_behaviours[] = {
    {"knows_the_group", knows_the_group},
    {"sums_all_types", sums_all_types},
    {"sums_many_elements", sums_many_elements},
    {"broadcasts_from_every_root", broadcasts_from_every_root},
    {"gathers_in_the_order_of_ranks", gathers_in_the_order_of_ranks},
    {"leaves_no_barrier_before_all_have_come", leaves_no_barrier_before_all_have_come},
    {"keeps_many_operations_under_way", keeps_many_operations_under_way},
    {"gives_the_same_bits_everywhere_and_again", gives_the_same_bits_everywhere_and_again},
    {"refuses_what_can_never_be_right", refuses_what_can_never_be_right},
    {"waits_where_nobody_asks_for_it", waits_where_nobody_asks_for_it},
    {"comes_to_be_done_without_waiting", comes_to_be_done_without_waiting},
    {"rounds_bfloat16_to_nearest_even", rounds_bfloat16_to_nearest_even},
    {"waits_without_burning_a_core", waits_without_burning_a_core},
};

}  // namespace

void* HostMemory::allocate(std::size_t bytes) {
  blocks_.emplace_back(std::max<std::size_t>(bytes, 1));
  return blocks_.back().data();
}

void HostMemory::write(void* to, std::span<const std::byte> bytes) {
  std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(to));
}

std::vector<std::byte> HostMemory::read(const void* from, std::size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(from);
  return {begin, begin + bytes};
}

std::span<const CollectiveBehaviour> collective_behaviours() {
  return all_behaviours;
}

}  // namespace hierevo::test
