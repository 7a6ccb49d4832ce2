// The collectives over MPI, on every number of ranks. This program's own functions stand in front
// of MPI's, to make calls fail that otherwise never would.
#include <gmock/gmock.h>
#include <mpi.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/collective_behaviours.hpp"
#include "hierevo/comm/mpi_collectives.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "mpi_progress_thread.hpp"
#include "support/mpi_text.hpp"

namespace {

std::atomic<bool> reductions_fail = false;
std::atomic<bool> nothing_ends = false;
std::atomic<bool> calls_hang = false;
std::atomic<int> communicators = 0;

}  // namespace

extern "C" int MPI_Ialltoallv(const void* send, const int send_counts[], const int send_places[],
                              MPI_Datatype send_type, void* receive, const int counts[],
                              const int places[], MPI_Datatype type, MPI_Comm comm,
                              MPI_Request* request) {
  if (reductions_fail) return MPI_ERR_OTHER;
  return PMPI_Ialltoallv(send, send_counts, send_places, send_type, receive, counts, places, type,
                         comm, request);
}

extern "C" int MPI_Test(MPI_Request* request, int* ended, MPI_Status* status) {
  while (calls_hang) std::this_thread::yield();
  if (!nothing_ends) return PMPI_Test(request, ended, status);
  *ended = 0;
  return MPI_SUCCESS;
}

extern "C" int MPI_Comm_idup(MPI_Comm comm, MPI_Comm* duplicate, MPI_Request* request) {
  ++communicators;
  return PMPI_Comm_idup(comm, duplicate, request);
}

extern "C" int MPI_Comm_free(MPI_Comm* comm) {
  --communicators;
  return PMPI_Comm_free(comm);
}

namespace hierevo::test {

namespace {

using namespace std::chrono_literals;
using comm::ElementType;
using comm::MpiCollectives;
using core::CommunicationError;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Clock = std::chrono::steady_clock;

/// Nothing takes as long.
constexpr auto patience = 100s;

/// While one lives, a flag above is set.
class While {
 public:
  explicit While(std::atomic<bool>& flag) : flag_(flag) { flag_ = true; }
  While(const While&) = delete;
  While& operator=(const While&) = delete;
  ~While() { flag_ = false; }

 private:
  std::atomic<bool>& flag_;
};

class MpiGroup : public testing::TestWithParam<CollectiveBehaviour> {};

TEST_P(MpiGroup, behaves) {
  MpiCollectives group(patience);
  HostMemory memory;
  GetParam().check(group, memory);
}

INSTANTIATE_TEST_SUITE_P(Collectives, MpiGroup, testing::ValuesIn(collective_behaviours()),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(MpiCollectives, has_the_ranks_of_the_world) {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const MpiCollectives group(patience);
  EXPECT_EQ(group.rank(), rank);
  EXPECT_EQ(group.size(), size);
}

/// As many elements as need several pieces, still under way when the group ends.
TEST(MpiCollectives, ends_what_is_under_way_before_it_ends) {
  std::vector<float> values(2000003, 1);
  comm::Request pending;
  int ranks = 0;
  {
    MpiCollectives group(patience);
    ranks = group.size();
    pending = group.all_reduce({values.data(), values.size(), ElementType::float32});
  }
  EXPECT_TRUE(pending.done());
  pending.wait();
  EXPECT_EQ(values, std::vector<float>(values.size(), static_cast<float>(ranks)));
}

/// Whoever makes one group after the other would come to an end of communicators.
TEST(MpiCollectives, leaves_no_communicators_behind) {
  const int before = communicators;
  for (int i = 0; i < 3; ++i) {
    MpiCollectives group(patience);
    auto barrier = group.barrier();
    EXPECT_EQ(communicators, before + 2);
  }
  EXPECT_EQ(communicators, before);
}

/// Memory that is given back must be what is taken next, also where pieces without any are between:
/// a sum beside barriers would take fresh memory each time and keep all of it.
TEST(MpiBufferPool, serve_again_and_again) {
  comm::detail::MpiBufferPool rooms;
  auto room = rooms.take(1000);
  const std::byte* const place = room.data();
  for (int i = 0; i < 3; ++i) {
    rooms.give_back(std::move(room));
    rooms.give_back({});
    room = rooms.take(500 + static_cast<std::size_t>(i));
    EXPECT_EQ(room.data(), place);
  }
}

/// A call that returns after all must not find its memory freed.
TEST(MpiProgressThread, keeps_what_is_under_way_where_a_call_took_too_long) {
  static float value = 1;
  comm::detail::MpiChannels channels;
  MPI_Comm_dup(MPI_COMM_WORLD, &channels.first);
  MPI_Comm_dup(MPI_COMM_WORLD, &channels.second);
  MPI_Comm_rank(channels.first, &channels.rank);
  MPI_Comm_size(channels.first, &channels.size);
  auto driver = std::make_shared<comm::detail::MpiProgressThread>(channels, patience, 100ms);
  driver->start_thread();
  calls_hang = true;
  std::weak_ptr<comm::detail::MpiJob> kept;
  {
    const auto job =
        driver->submit(comm::detail::order_all_reduce({&value, 1, ElementType::float32}));
    kept = job;
    EXPECT_THAT(
        [&] { driver->wait(*job); },
        ThrowsMessage<CommunicationError>(
            AllOf(HasSubstr("Rank " + std::to_string(channels.rank) + ": "),
                  HasSubstr("all_reduce number 1 (1 float32): MPI does not return from a call"))));
  }
  calls_hang = false;
  driver->finish();
  driver.reset();
  EXPECT_FALSE(kept.expired());
}

TEST(MpiCollectives, names_the_call_that_failed) {
  MpiCollectives group(patience);
  float value = 1;
  const While failing(reductions_fail);
  auto pending = group.all_reduce({&value, 1, ElementType::float32});
  std::optional<comm::Request> next;
  try {
    next = group.barrier();
  } catch (const CommunicationError&) {
    // The failure came first.
  }
  EXPECT_THAT([&] { pending.wait(); },
              ThrowsMessage<CommunicationError>(
                  AllOf(HasSubstr("Rank " + std::to_string(group.rank()) + ": "),
                        HasSubstr("all_reduce number 1 (1 float32)"),
                        HasSubstr("MPI_Ialltoallv failed"), HasSubstr(text_of(MPI_ERR_OTHER)))));
  if (next) {
    EXPECT_THROW(next->wait(), CommunicationError);
  }
  EXPECT_THROW(group.barrier(), CommunicationError);
}

TEST(MpiCollectives, gives_up_what_does_not_end_in_time) {
  const auto begin = Clock::now();
  std::optional<While> hanging;  // until the group has ended
  {
    MpiCollectives group(500ms);
    float value = 1;
    hanging.emplace(nothing_ends);
    auto pending = group.all_reduce({&value, 1, ElementType::float32});
    EXPECT_FALSE(pending.done());
    EXPECT_THAT([&] { pending.wait(); },
                ThrowsMessage<CommunicationError>(
                    AllOf(HasSubstr("Rank " + std::to_string(group.rank()) + ": "),
                          HasSubstr("all_reduce number 1 (1 float32) does not end within 0.5 s"))));
    EXPECT_GE(Clock::now() - begin, 500ms);
    EXPECT_THROW(group.barrier(), CommunicationError);
  }
}

std::chrono::nanoseconds cpu_time_of_this_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto time = [](const timeval& value) {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  };
  return time(usage.ru_utime) + time(usage.ru_stime);
}

/// Both where nothing is under way and where another rank does not come.
TEST(MpiCollectives, burns_no_core_while_nothing_happens) {
  MpiCollectives group(patience);
  group.barrier().wait();
  const auto cpu_start = cpu_time_of_this_process();
  std::this_thread::sleep_for(300ms);
  comm::Request barrier;
  const bool late = group.rank() == 0 && group.size() > 1;
  if (!late) barrier = group.barrier();
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(cpu_time_of_this_process() - cpu_start, 200ms);
  if (late) barrier = group.barrier();
  barrier.wait();
}

}  // namespace

}  // namespace hierevo::test
