#include "hierevo/core/parallel_for.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace hierevo::core {
namespace {

TEST(InThreads, EachIsDoneOnce) {
  for (const int threads : {1, 2, 5}) {
    for (const std::size_t count : {0U, 1U, 3U, 100U}) {
      std::vector<std::atomic<int>> done(count);
      parallel_for(count, threads, [&](std::size_t i) { ++done[i]; });
      for (const auto& times : done) EXPECT_EQ(times, 1);
    }
  }
}

TEST(InThreads, TheFirstExceptionLeavesWhenAllAreDone) {
  for (const int threads : {1, 2, 5}) {
    std::atomic<int> done = 0;
    const auto work = [&](std::size_t i) {
      ++done;
      if (i == 7 || i == 3) throw std::runtime_error(std::to_string(i));
    };
    try {
      parallel_for(20, threads, work);
      FAIL() << "accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "3");
    }
    EXPECT_EQ(done, 20);
  }
}

}  // namespace
}  // namespace hierevo::core
