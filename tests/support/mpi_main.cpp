// main() of the tests that run under mpirun. Every rank runs all tests; each exits with the worst
// code of all, so that mpirun reports a failure of any rank. A run that executed no test has
// failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>
#include <exception>

#include "hierevo/comm/mpi_session.hpp"

namespace {

/// The only output of ranks other than 0: their failures.
class FailurePrinter : public testing::EmptyTestEventListener {
 public:
  explicit FailurePrinter(int rank) : rank_(rank) {}

  // GoogleTest holds its lock while it reports a failure: asking it for the test then deadlocks.
  void OnTestStart(const testing::TestInfo& test) override { test_ = &test; }
  void OnTestEnd(const testing::TestInfo&) override { test_ = nullptr; }

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "[rank %d] %s.%s\n%s:%d: Failure\n%s\n", rank_,
                 test_ == nullptr ? "" : test_->test_suite_name(),
                 test_ == nullptr ? "outside of a test" : test_->name(),
                 result.file_name() == nullptr ? "unknown file" : result.file_name(),
                 result.line_number(), result.message());
    std::fflush(stderr);
  }

 private:
  int rank_;
  const testing::TestInfo* test_ = nullptr;
};

int run_all_tests() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailurePrinter(rank));
  }
  const int result = RUN_ALL_TESTS();
  const bool ran_any = testing::UnitTest::GetInstance()->test_to_run_count() > 0;
  const int own = result != 0 || !ran_any ? 1 : 0;
  int worst = 1;
  MPI_Allreduce(&own, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  try {
    // For tests of code whose threads call MPI.
    const hierevo::comm::MpiSession session(hierevo::comm::MpiThreads::serialized);
    return run_all_tests();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    hierevo::comm::MpiSession::abort(1);
  }
}
