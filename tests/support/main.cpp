// main() of the tests that run in one process. A run without any test has failed; one that skipped
// all, for lack of a GPU for example, exits with 77.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const int result = RUN_ALL_TESTS();
  const auto& tests = *testing::UnitTest::GetInstance();
  if (result != 0 || tests.test_to_run_count() == 0) return 1;
  constexpr int skipped = 77;  // CTest knows it
  return tests.skipped_test_count() == tests.test_to_run_count() ? skipped : 0;
}
