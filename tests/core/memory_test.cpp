#include "hierevo/core/memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support/scratch_folder.hpp"

namespace hierevo::core {
namespace {

namespace fs = std::filesystem;

class MemoryLimit : public ::testing::Test {
 protected:
  void write(const fs::path& path, const std::string& text) {
    fs::create_directories((folder_.path() / path).parent_path());
    std::ofstream(folder_.path() / path) << text << '\n';
  }
  std::optional<std::int64_t> limit() const {
    return memory_limit_of_group(folder_.path() / "membership", folder_.path() / "mount");
  }

  const test::ScratchFolder folder_;
};

TEST_F(MemoryLimit, IsTheSmallestOfAGroupAndThoseItLiesIn) {
  write("membership", "0::/jobs/job_7/step_0");
  write("mount/jobs/job_7/step_0/memory.max", "max");
  EXPECT_EQ(limit(), std::nullopt);
  write("mount/jobs/memory.max", "8000");
  EXPECT_EQ(limit(), 8000);
  write("mount/jobs/job_7/memory.max", "3000");
  EXPECT_EQ(limit(), 3000);
  write("mount/jobs/job_7/step_0/memory.max", "5000");
  EXPECT_EQ(limit(), 3000);
}

TEST_F(MemoryLimit, OfVersion1IsReadWhereItsControllerIs) {
  write("membership", "5:cpu,cpuacct:/other\n4:memory,hugetlb:/job\nnonsense");
  write("mount/memory/job/memory.limit_in_bytes", "4000");
  write("mount/other/memory.max", "1");
  EXPECT_EQ(limit(), 4000);
}

TEST_F(MemoryLimit, OfAContainerStandsAtTheTop) {
  write("membership", "0::/../../elsewhere");
  write("mount/memory.max", "2000");
  EXPECT_EQ(limit(), 2000);
  write("mount/memory.max", "no number");
  EXPECT_EQ(limit(), std::nullopt);
}

TEST_F(MemoryLimit, KillsAreThoseOfTheInnermostGroupThatCountsThem) {
  const auto kills = [this] {
    return oom_kills_of_group(folder_.path() / "membership", folder_.path() / "mount");
  };
  write("membership", "0::/jobs/job_7");
  EXPECT_EQ(kills(), std::nullopt);
  write("mount/jobs/memory.events", "low 0\nhigh 1\noom 5\noom_kill 4");
  EXPECT_EQ(kills(), 4);
  write("mount/jobs/job_7/memory.events", "oom 3\noom_kill 2\noom_group_kill 0");
  EXPECT_EQ(kills(), 2);
  write("membership", "4:memory:/job");
  write("mount/memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7");
  EXPECT_EQ(kills(), 7);
}

TEST(UsableMemory, IsAtMostTheMachines) {
  EXPECT_GT(usable_memory(), 1 << 20);
  EXPECT_LE(usable_memory(), sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

}  // namespace
}  // namespace hierevo::core
