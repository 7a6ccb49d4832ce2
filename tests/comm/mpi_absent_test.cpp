// In a build without MPI.
#include <gmock/gmock.h>

#include "hierevo/comm/mpi_collectives.hpp"
#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::comm {

namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(MpiAbsent, says_that_it_was_not_built_in) {
  EXPECT_THAT([] { MpiSession session; },
              ThrowsMessage<core::UsageError>(HasSubstr("was not built with MPI")));
  EXPECT_THAT([] { MpiCommunicator communicator; },
              ThrowsMessage<core::UsageError>(HasSubstr("was not built with MPI")));
  EXPECT_THAT([] { MpiCollectives group(std::chrono::seconds(1)); },
              ThrowsMessage<core::UsageError>(HasSubstr("was not built with MPI")));
}

TEST(MpiAbsentDeathTest, abort_ends_the_process_with_the_exit_code) {
  EXPECT_EXIT(MpiSession::abort(4), testing::ExitedWithCode(4), "");
}

}  // namespace

}  // namespace hierevo::comm
