// In a build without CUDA and NCCL.
#include <gmock/gmock.h>

#include "hierevo/comm/nccl_collectives.hpp"
#include "hierevo/comm/self_collectives.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::comm {

namespace {

TEST(NcclAbsent, says_that_it_was_not_built_in) {
  SelfCollectives host;
  EXPECT_THAT([&] { NcclCollectives group(host, nullptr, std::chrono::seconds(1)); },
              testing::ThrowsMessage<core::UsageError>(
                  testing::HasSubstr("this hierevo was built without NCCL")));
}

}  // namespace

}  // namespace hierevo::comm
