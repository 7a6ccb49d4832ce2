#include "preflight.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::app {
namespace {

namespace fs = std::filesystem;

/// As two starts do that have one number in two containers with one host name.
TEST(SharedFolderToken, TwoInOneFolderDoNotGetInEachOthersWay) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  const SharedFolderToken one(run);
  {
    const SharedFolderToken two(run);
    EXPECT_NE(one.text(), two.text());
    check_shared(run, two.text());
  }
  check_shared(run, one.text());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(CheckRanks, RefusesProcessesThatDoNotKnowOfEachOther) {
  constexpr bool by_mpi = true;
  check_ranks({}, by_mpi, 2);
  check_ranks({}, !by_mpi, 1);
  EXPECT_ERROR(check_ranks({}, by_mpi, 1), "considers itself the only rank");
  SlurmJob job;
  job.present = true;
  job.step_tasks = 3;
  EXPECT_ERROR(check_ranks(job, by_mpi, 1), "All 3 tasks of srun");
}

}  // namespace
}  // namespace hierevo::app
