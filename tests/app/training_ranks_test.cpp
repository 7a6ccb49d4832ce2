#include "training_ranks.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <numeric>
#include <vector>

#include "hierevo/comm/self_collectives.hpp"
#include "nn/thread_ranks.hpp"

namespace hierevo::app {
namespace {

/// Of ranks that may run on these cores of one host.
std::vector<int> own_cores_of(const std::vector<std::vector<int>>& cores) {
  std::vector<int> found(cores.size());
  std::mutex mutex;
  nn::as_ranks(static_cast<int>(cores.size()), [&](comm::Collectives& ranks) {
    const auto rank = static_cast<std::size_t>(ranks.rank());
    const int own = own_cores(ranks, cores[rank]);
    const std::scoped_lock lock(mutex);
    found[rank] = own;
  });
  return found;
}

TEST(OwnCores, AreThoseThatARankIsBoundTo) {
  EXPECT_EQ(own_cores_of({{0, 1, 2, 3}, {4, 5, 6, 7}, {8}}), (std::vector<int>{4, 4, 1}));
}

TEST(OwnCores, AreSharedByRanksThatAreBoundToTheSame) {
  std::vector<int> all(13);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(own_cores_of({all, all, all, {20, 21}}), (std::vector<int>{4, 4, 4, 2}));
  EXPECT_EQ(own_cores_of({{7}, {7}}), (std::vector<int>{1, 1}));
  comm::SelfCollectives alone;
  EXPECT_EQ(own_cores(alone, all), 13);
  EXPECT_EQ(own_cores(alone, {}), 1);  // the system did not say
}

TEST(LoaderThreads, LeaveACoreToTheGpuWhereThereAreSeveral) {
  EXPECT_EQ(loader_threads_beside_gpu(16), 15);
  EXPECT_EQ(loader_threads_beside_gpu(2), 1);
  EXPECT_EQ(loader_threads_beside_gpu(1), 1);
}

}  // namespace
}  // namespace hierevo::app
