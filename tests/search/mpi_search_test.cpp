// Whole searches over MPI ranks. Every rank runs every test.
#include <gtest/gtest.h>

#include "hierevo/comm/mpi_communicator.hpp"
#include "search/search_cases.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

class MpiSearch : public testing::Test {
 protected:
  /// Only rank 0 looks at the folder, so that the others need not know it.
  void SetUp() override { run_ = folder_.path() / "run"; }
  SearchEnd search(const SearchOptions& options, const StatusCallback& on_status = {},
                   const StopCallback& stop = {}) {
    const auto evaluators = make_local_evaluators({&evaluator_});
    return run_search(ranks_, options, evaluators.get(), "", on_status, stop);
  }

  comm::MpiCommunicator ranks_;
  ScriptedEvaluator evaluator_;
  test::ScratchFolder folder_;
  std::filesystem::path run_;
};

TEST_F(MpiSearch, FinishesWithExactlyTheEvaluationsWanted) {
  EXPECT_EQ(search(small_search(run_)), SearchEnd::finished);
  if (ranks_.rank() == 0) expect_complete(run_, 60);
}

TEST_F(MpiSearch, GoesOnWhereItWasStopped) {
  SearchOptions options = small_search(run_);
  if (ranks_.rank() != 0) {
    // As many starts as rank 0 makes; each ends when rank 0 sends Drain.
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
