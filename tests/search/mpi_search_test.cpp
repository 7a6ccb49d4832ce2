// Whole searches over MPI ranks. Every rank runs every test.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "hierevo/comm/mpi_communicator.hpp"
#include "search/search_cases.hpp"

namespace hierevo::search {
namespace {

/// The same folder on all ranks, made by what they have in common: the job's id and the test's
/// name.
std::filesystem::path shared_folder() {
  const char* job = std::getenv("OMPI_MCA_ess_base_jobid");
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  return std::filesystem::temp_directory_path() /
         ("hierevo-mpi-" + std::string(job == nullptr ? "alone" : job) + "-" + test->name());
}

class MpiSearch : public testing::Test {
 protected:
  void SetUp() override { run_ = shared_folder() / "run"; }
  void TearDown() override {
    if (ranks_.rank() == 0) std::filesystem::remove_all(shared_folder());
  }
  SearchEnd search(const SearchOptions& options, const StatusCallback& on_status = {},
                   const StopCallback& stop = {}) {
    return run_search(ranks_, options, &evaluator_, "", on_status, stop);
  }

  comm::MpiCommunicator ranks_;
  ScriptedEvaluator evaluator_;
  std::filesystem::path run_;
};

TEST_F(MpiSearch, FinishesWithExactlyTheEvaluationsWanted) {
  EXPECT_EQ(search(small_search(run_)), SearchEnd::finished);
  if (ranks_.rank() == 0) expect_complete(run_, 60);
}

TEST_F(MpiSearch, GoesOnWhereItWasStopped) {
  SearchOptions options = small_search(run_);
  if (ranks_.rank() != 0) {
    // As many starts as rank 0 makes; each ends when rank 0 sends Leave.
    for (int start = 0; start < 4; ++start) search(options);
    return;
  }
  std::size_t done = 0;
  const auto watch = [&](const SearchStatus& status) { done = status.done; };
  for (const std::size_t stop_at : {10, 20, 30}) {
    EXPECT_EQ(search(options, watch, [&] { return done >= stop_at; }), SearchEnd::saved);
    EXPECT_GE(saved(run_).state.history.size(), stop_at);
  }
  EXPECT_EQ(search(options), SearchEnd::finished);
  expect_complete(run_, 60);
}

}  // namespace
}  // namespace hierevo::search
