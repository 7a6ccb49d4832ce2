#include "hierevo/core/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

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

}  // namespace
}  // namespace hierevo::core
