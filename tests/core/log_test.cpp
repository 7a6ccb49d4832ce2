#include "hierevo/core/log.hpp"

#include <gmock/gmock.h>

#include <string>

namespace hierevo::core {
namespace {

using ::testing::MatchesRegex;

std::string logged(LogLevel threshold, LogLevel level) {
  configure_log(threshold, "rank 3");
  ::testing::internal::CaptureStderr();
  log(level, "{} of {}", 1, 2);
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, LinesHaveTimeNameAndLevel) {
  const std::string time = "[0-9]+-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]";
  EXPECT_THAT(logged(LogLevel::debug, LogLevel::debug),
              MatchesRegex(time + " rank 3 debug: 1 of 2\n"));
  EXPECT_THAT(logged(LogLevel::info, LogLevel::info),
              MatchesRegex(time + " rank 3 info: 1 of 2\n"));
  EXPECT_THAT(logged(LogLevel::info, LogLevel::error),
              MatchesRegex(time + " rank 3 error: 1 of 2\n"));
}

TEST(Log, LinesBelowTheThresholdAreDropped) {
  EXPECT_EQ(logged(LogLevel::info, LogLevel::debug), "");
  EXPECT_EQ(logged(LogLevel::error, LogLevel::warning), "");
  EXPECT_THAT(logged(LogLevel::warning, LogLevel::warning),
              MatchesRegex(".* rank 3 warning: .*\n"));
}

}  // namespace
}  // namespace hierevo::core
