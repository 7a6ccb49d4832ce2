#include "hierevo/core/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace hierevo::core {
namespace {

TEST(ErrorText, IsProblemWhySuggestion) {
  EXPECT_EQ(error_text("No run"), "No run.");
  EXPECT_EQ(error_text("No run", "it is empty"), "No run (it is empty).");
  EXPECT_EQ(error_text("No run", "it is empty", "Give one."), "No run (it is empty). Give one.");
  EXPECT_EQ(error_text("No run.", "", "Give one."), "No run. Give one.");
}

TEST(Errors, CarryTheirDataAndExitCode) {
  const IoError io("a/b", "write", ENOSPC);
  EXPECT_STREQ(io.what(), "Cannot write 'a/b' (No space left on device).");
  EXPECT_EQ(io.path(), "a/b");
  EXPECT_EQ(io.system_error(), ENOSPC);
  EXPECT_EQ(io.exit_code(), ExitCode::run_directory);
  EXPECT_EQ(UsageError("x").exit_code(), ExitCode::usage);
  EXPECT_EQ(Interrupted("x").exit_code(), ExitCode::saved);
  const CommunicationError lost(3, "is silent", "for 60 s");
  EXPECT_STREQ(lost.what(), "Rank 3: is silent (for 60 s).");
  EXPECT_EQ(lost.rank(), 3);
}

/// What allocators throw: C++'s, Torch's for CPUs (a general error) and for GPUs, and the system
/// that has no room for another thread.
TEST(FailureOf, WantOfMemoryIsNoBug) {
  const std::string torch =
      "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
      "you tried to allocate 8388608000 bytes. Error code 12 (Cannot allocate memory)";
  const std::string frames =
      "\nException raised from alloc_cpu at alloc_cpu.cpp:124\nframe #0: f()";
  const Failure plain = failure_of(std::bad_alloc());
  EXPECT_EQ(plain.code, ExitCode::failures);
  EXPECT_EQ(plain.text.find("Not enough memory. Ask for more"), 0U) << plain.text;
  const Failure by_torch = failure_of(std::runtime_error(torch + frames));
  EXPECT_EQ(by_torch.code, ExitCode::failures);
  EXPECT_EQ(by_torch.text.find("Not enough memory (" + torch + "). Ask"), 0U) << by_torch.text;
  EXPECT_EQ(by_torch.text.find("frame"), std::string::npos);
  EXPECT_TRUE(is_out_of_memory(std::runtime_error("CUDA out of memory. Tried to allocate 2 GiB")));
  EXPECT_TRUE(is_out_of_memory(std::system_error(EAGAIN, std::generic_category())));
}

TEST(FailureOf, OthersAreWhatTheyAre) {
  EXPECT_EQ(failure_of(std::runtime_error("odd")).code, ExitCode::internal);
  EXPECT_EQ(failure_of(std::runtime_error("odd\nframe #0: f() out of memory")).code,
            ExitCode::internal);
  EXPECT_EQ(failure_of(IoError("out of memory.txt", "read", ENOENT)).code, ExitCode::run_directory);
  EXPECT_FALSE(is_out_of_memory(std::system_error(EIO, std::generic_category())));
}

}  // namespace
}  // namespace hierevo::core
