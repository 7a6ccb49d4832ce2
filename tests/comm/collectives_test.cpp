// The collectives that need no MPI.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "comm/collective_behaviours.hpp"
#include "hierevo/comm/self_collectives.hpp"
#include "hierevo/comm/thread_collectives.hpp"
#include "hierevo/core/error.hpp"
#include "support/suspension.hpp"

namespace hierevo::test {

namespace {

using namespace std::chrono_literals;
using comm::Collectives;
using comm::Elements;
using comm::ElementType;
using comm::ThreadCollectivesGroup;
using core::CommunicationError;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Nothing takes as long.
constexpr auto patience = 100s;

class SelfGroup : public testing::TestWithParam<CollectiveBehaviour> {};

TEST_P(SelfGroup, behaves) {
  comm::SelfCollectives group;
  HostMemory memory;
  GetParam().check(group, memory);
}

INSTANTIATE_TEST_SUITE_P(Collectives, SelfGroup, testing::ValuesIn(collective_behaviours()),
                         [](const auto& param_info) { return param_info.param.name; });

/// One thread a rank; returns when all have ended.
void run_as_threads(ThreadCollectivesGroup& group, int size,
                    const std::function<void(Collectives&)>& body) {
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&group, &body, rank] {
      try {
        body(group.collectives(rank));
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
      }
    });
  }
}

class ThreadsGroup : public testing::TestWithParam<std::tuple<int, CollectiveBehaviour>> {};

TEST_P(ThreadsGroup, behaves) {
  const auto& [size, behaviour] = GetParam();
  ThreadCollectivesGroup group(size, patience);
  run_as_threads(group, size, [check = behaviour.check](Collectives& collectives) {
    HostMemory memory;
    check(collectives, memory);
  });
}

std::string name_and_size(const testing::TestParamInfo<ThreadsGroup::ParamType>& param) {
  const auto& [size, behaviour] = param.param;
  return std::string(behaviour.name) + "_" + std::to_string(size);
}

INSTANTIATE_TEST_SUITE_P(Collectives, ThreadsGroup,
                         testing::Combine(testing::Values(1, 2, 3, 4, 7),
                                          testing::ValuesIn(collective_behaviours())),
                         name_and_size);

TEST(ThreadCollectivesGroup, refuses_impossible_ranks) {
  EXPECT_THROW(ThreadCollectivesGroup(0, patience), core::UsageError);
  ThreadCollectivesGroup group(2, patience);
  EXPECT_THROW(group.collectives(-1), core::UsageError);
  EXPECT_THROW(group.collectives(2), core::UsageError);
}

class OneRankOfThree : public testing::Test {
 protected:
  Elements elements() { return {values_, 2, ElementType::float32}; }

  ThreadCollectivesGroup group_{3, 20ms};
  float values_[2] = {1, 2};
};

TEST_F(OneRankOfThree, names_those_that_do_not_come) {
  auto barrier = group_.collectives(0).barrier();
  EXPECT_FALSE(barrier.done());
  auto pending = group_.collectives(0).all_reduce(elements());
  group_.collectives(1).barrier();  // waits in its end, in vain
  EXPECT_THAT([&] { pending.wait(); },
              ThrowsMessage<CommunicationError>(
                  AllOf(HasSubstr("Rank 0: "), HasSubstr("barrier number 1 does not end within "
                                                         "0.02 s, since rank 2 has not"))));
  EXPECT_TRUE(barrier.done());
  EXPECT_THROW(barrier.wait(), CommunicationError);
  EXPECT_EQ(values_[0], 1);
}

TEST_F(OneRankOfThree, cannot_be_joined_when_it_was_given_up) {
  EXPECT_THAT([&] { group_.collectives(2).all_reduce(elements()).wait(); },
              ThrowsMessage<CommunicationError>(
                  HasSubstr("all_reduce number 1 (2 float32) does not end within 0.02 s, since "
                            "ranks 0, 1 have not started it")));
  EXPECT_THAT([&] { group_.collectives(0).all_reduce(elements()); },
              ThrowsMessage<CommunicationError>(
                  AllOf(HasSubstr("Rank 0: "), HasSubstr("ranks 0, 1 have not started it"))));
}

TEST(ThreadCollectives, say_where_ranks_do_different_things) {
  ThreadCollectivesGroup group(2, patience);
  float values[3] = {};
  auto first = group.collectives(0).all_reduce({values, 3, ElementType::float32});
  EXPECT_THROW(group.collectives(1).all_reduce({values, 2, ElementType::float32}),
               CommunicationError);
  EXPECT_THAT([&] { first.wait(); },
              ThrowsMessage<CommunicationError>(
                  HasSubstr("all_reduce number 1 (3 float32) of one rank is all_reduce number 1 "
                            "(2 float32) of another")));
}

/// Rank 0 waits; rank 1 comes a little after `go` is seen. Whether rank 0 bore that.
bool waits_for_the_late(const Signpost& waits, const Signpost& go) {
  ThreadCollectivesGroup group(2, 2s);
  auto barrier = group.collectives(0).barrier();
  const std::jthread late([&] {
    go.wait();
    std::this_thread::sleep_for(200ms);
    try {
      group.collectives(1).barrier();
    } catch (const CommunicationError&) {
      // Rank 0 says so.
    }
  });
  waits.show();
  try {
    barrier.wait();
    return true;
  } catch (const CommunicationError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return false;
  }
}

TEST(ThreadCollectives, do_not_count_time_in_which_the_process_is_suspended) {
  const Signpost waits;
  const Signpost go;
  const pid_t process = ::fork();
  if (process == 0) ::_exit(waits_for_the_late(waits, go) ? 0 : 1);
  ASSERT_GT(process, 0);
  waits.wait();
  suspend(process, 3s);
  go.show();
  int status = -1;
  ASSERT_EQ(::waitpid(process, &status, 0), process);
  EXPECT_EQ(status, 0);
}

TEST(ThreadCollectives, let_no_one_wait_for_a_group_that_was_destroyed) {
  comm::Request pending;
  {
    ThreadCollectivesGroup group(2, patience);
    pending = group.collectives(0).barrier();
  }
  EXPECT_THAT([&] { pending.wait(); },
              ThrowsMessage<CommunicationError>(HasSubstr("the group was destroyed")));
}

}  // namespace

}  // namespace hierevo::test
