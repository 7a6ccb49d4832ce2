// The communicators that need no MPI.
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "comm/behaviours.hpp"
#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/self_communicator.hpp"
#include "hierevo/comm/thread_communicator_group.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::test {

namespace {

class Self : public testing::TestWithParam<Behaviour> {};

TEST_P(Self, behaves) {
  comm::SelfCommunicator communicator;
  GetParam().check(communicator);
}

INSTANTIATE_TEST_SUITE_P(Communicator, Self, testing::ValuesIn(behaviours()),
                         [](const auto& param_info) { return param_info.param.name; });

class Threads : public testing::TestWithParam<std::tuple<int, Behaviour>> {};

/// One thread a rank; returns when all have ended.
void run_as_threads(int size, const std::function<void(comm::Communicator&)>& body) {
  comm::ThreadCommunicatorGroup group(size);
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&group, &body, rank] {
      try {
        body(group.communicator(rank));
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
      }
    });
  }
}

TEST_P(Threads, behave) {
  const auto& [size, behaviour] = GetParam();
  run_as_threads(size, behaviour.check);
}

std::string name_and_size(const testing::TestParamInfo<Threads::ParamType>& param) {
  const auto& [size, behaviour] = param.param;
  return std::string(behaviour.name) + "_" + std::to_string(size);
}

INSTANTIATE_TEST_SUITE_P(Communicator, Threads,
                         testing::Combine(testing::Values(1, 2, 4),
                                          testing::ValuesIn(behaviours())),
                         name_and_size);

TEST(ThreadCommunicatorGroup, numbers_its_ranks) {
  comm::ThreadCommunicatorGroup group(3);
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(group.communicator(rank).rank(), rank);
    EXPECT_EQ(group.communicator(rank).size(), 3);
  }
}

TEST(ThreadCommunicatorGroup, refuses_impossible_ranks) {
  EXPECT_THROW(comm::ThreadCommunicatorGroup(0), core::UsageError);
  EXPECT_THROW(comm::ThreadCommunicatorGroup(-1), core::UsageError);
  comm::ThreadCommunicatorGroup group(2);
  EXPECT_THROW(group.communicator(-1), core::UsageError);
  EXPECT_THROW(group.communicator(2), core::UsageError);
}

TEST(ThreadCommunicatorGroup, keeps_messages_for_a_rank_that_comes_late) {
  comm::ThreadCommunicatorGroup group(2);
  std::jthread([&group] { group.communicator(0).send(1, {std::byte{42}}); }).join();
  const auto message = group.communicator(1).receive(std::chrono::nanoseconds(0));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->source, 0);
  EXPECT_THAT(message->data, testing::ElementsAre(std::byte{42}));
}

}  // namespace

}  // namespace hierevo::test
