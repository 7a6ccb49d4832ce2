// The communicator over MPI, on every number of ranks. MPI's profiling interface lets this program
// put its own functions in front of MPI's, to make calls fail that otherwise never would.
#include <gmock/gmock.h>
#include <mpi.h>

#include <chrono>
#include <string>
#include <vector>

#include "comm/behaviours.hpp"
#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "support/mpi_text.hpp"

namespace {

bool isend_fails = false;
bool nothing_leaves = false;
/// What MPI_Isend sends instead of the message it was given.
std::vector<std::byte> sent_instead;

}  // namespace

extern "C" int MPI_Isend(const void* buffer, int count, MPI_Datatype type, int destination, int tag,
                         MPI_Comm comm, MPI_Request* request) {
  if (isend_fails) return MPI_ERR_OTHER;
  if (!sent_instead.empty()) {
    buffer = sent_instead.data();
    count = static_cast<int>(sent_instead.size());
  }
  return PMPI_Isend(buffer, count, type, destination, tag, comm, request);
}

extern "C" int MPI_Testsome(int count, MPI_Request requests[], int* completed, int indices[],
                            MPI_Status statuses[]) {
  if (nothing_leaves) {
    *completed = 0;
    return MPI_SUCCESS;
  }
  return PMPI_Testsome(count, requests, completed, indices, statuses);
}

namespace hierevo::test {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class Mpi : public testing::TestWithParam<Behaviour> {};

TEST_P(Mpi, behaves) {
  comm::MpiCommunicator communicator;
  GetParam().check(communicator);
}

INSTANTIATE_TEST_SUITE_P(Communicator, Mpi, testing::ValuesIn(behaviours()),
                         [](const auto& param_info) { return param_info.param.name; });

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

TEST(MpiCommunicator, has_the_ranks_of_the_world) {
  const comm::MpiCommunicator communicator;
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_EQ(communicator.rank(), world_rank());
  EXPECT_EQ(communicator.size(), size);
}

TEST(MpiCommunicator, does_not_mix_with_the_program_that_embeds_it) {
  comm::MpiCommunicator communicator;
  const int self = communicator.rank();
  const int theirs = 7;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Isend(&theirs, 1, MPI_INT, self, 0, MPI_COMM_WORLD, &request);
  EXPECT_FALSE(communicator.receive(0ns).has_value());

  communicator.send(self, {std::byte{1}});
  int got = 0;
  MPI_Status status;
  MPI_Recv(&got, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  EXPECT_EQ(got, theirs);
  const auto ours = communicator.receive(30s);
  ASSERT_TRUE(ours.has_value());
  EXPECT_EQ(ours->data, std::vector{std::byte{1}});
}

TEST(MpiCommunicator, a_late_message_does_not_reach_the_next_communicator) {
  {
    comm::MpiCommunicator first;
    first.send((first.rank() + 1) % first.size(), {std::byte{1}});
  }
  comm::MpiCommunicator second;
  EXPECT_FALSE(second.receive(20ms).has_value());
}

TEST(MpiCommunicator, drops_a_message_that_is_too_long) {
  comm::MpiCommunicator communicator;
  const int to = (communicator.rank() + 1) % communicator.size();
  sent_instead.assign(comm::longest_message + 1, std::byte{1});
  communicator.send(to, {std::byte{1}});
  sent_instead.clear();
  communicator.send(to, {std::byte{2}});

  testing::internal::CaptureStderr();
  const auto message = communicator.receive(30s);
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->data, std::vector{std::byte{2}});
  EXPECT_THAT(log, HasSubstr("A message of 65537 bytes from rank"));
  EXPECT_TRUE(communicator.flush(30s));
}

/// For the test comm_failing_test, which looks at what is said of it.
TEST(MpiMain, DISABLED_fails_on_the_last_rank) {
  EXPECT_LT(world_rank() + 1, comm::MpiCommunicator().size());
}

TEST(MpiCommunicator, names_the_call_that_failed) {
  comm::MpiCommunicator communicator;
  isend_fails = true;
  try {
    communicator.send(communicator.rank(), {});
    ADD_FAILURE() << "no error";
  } catch (const core::CommunicationError& error) {
    const std::string where = "MPI_Isend failed on rank " + std::to_string(world_rank()) + " (";
    EXPECT_THAT(error.what(), HasSubstr(where));
    EXPECT_THAT(error.what(), HasSubstr(text_of(MPI_ERR_OTHER)));
    EXPECT_THAT(error.what(), Not(HasSubstr("data.size()")));
  }
  isend_fails = false;
  communicator.send(communicator.rank(), {});
  EXPECT_TRUE(communicator.receive(30s).has_value());
}

TEST(MpiCommunicator, does_not_hang_on_messages_that_never_leave) {
  testing::internal::CaptureStderr();
  const auto start = std::chrono::steady_clock::now();
  {
    comm::MpiCommunicator communicator;
    communicator.send(communicator.rank(), {std::byte{1}});
    nothing_leaves = true;
    EXPECT_FALSE(communicator.flush(10ms));
  }
  nothing_leaves = false;
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("have not left this rank"));
}

TEST(MpiCommunicator, waits_for_no_rank_that_was_given_up) {
  testing::internal::CaptureStderr();
  {
    comm::MpiCommunicator communicator;
    const int to = communicator.rank();
    communicator.send(to, {std::byte{1}});
    nothing_leaves = true;
    communicator.give_up(to);
    EXPECT_TRUE(communicator.flush(0ns));
    communicator.send(to, {std::byte{2}});  // takes it back
    EXPECT_FALSE(communicator.flush(10ms));
    communicator.give_up(to);
    EXPECT_EQ(communicator.receive(30s)->data, std::vector{std::byte{1}});  // they do arrive
    EXPECT_EQ(communicator.receive(30s)->data, std::vector{std::byte{2}});
  }
  nothing_leaves = false;
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(MpiSession, tells_all_ranks_what_rank_0_says) {
  const hierevo::comm::MpiSession session;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const std::string mine = rank == 0 ? "a file" : "something longer that nobody hears";
  EXPECT_EQ(session.from_rank_0(mine), "a file");
  EXPECT_EQ(session.from_rank_0(""), "");
  session.meet();
}

TEST(MpiSession, inside_a_program_that_runs_mpi_does_not_finalise_it) {
  { const comm::MpiSession session; }
  int finalised = 1;
  MPI_Finalized(&finalised);
  EXPECT_EQ(finalised, 0);
}

}  // namespace

}  // namespace hierevo::test
