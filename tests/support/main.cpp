// main() of the tests that run in one process. A run that executed no test has failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const int result = RUN_ALL_TESTS();
  const bool ran_any = testing::UnitTest::GetInstance()->test_to_run_count() > 0;
  return result != 0 || !ran_any ? 1 : 0;
}
