#include "hierevo/comm/agreement.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <thread>
#include <vector>

#include "hierevo/comm/self_collectives.hpp"
#include "hierevo/comm/thread_collectives.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::comm {

namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

void run_as_threads(int size, const std::function<void(Collectives&)>& body) {
  ThreadCollectivesGroup group(size, std::chrono::seconds(100));
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&group, &body, rank] { body(group.collectives(rank)); });
  }
}

TEST(Agreement, tells_all_what_each_one_says) {
  run_as_threads(3, [](Collectives& group) {
    const std::string own = group.rank() == 1 ? "" : std::string(5, "abc"[group.rank()]);
    EXPECT_THAT(gather_problems(group, own), ElementsAre("aaaaa", "", "ccccc"));
    EXPECT_THAT(gather_problems(group, ""), ElementsAre("", "", ""));
    require_no_problem(group, "");
  });
}

TEST(Agreement, cuts_long_texts_between_characters) {
  SelfCollectives group;
  const std::string too_long(longest_problem + 10, 'x');
  EXPECT_THAT(gather_problems(group, too_long), ElementsAre(std::string(longest_problem, 'x')));
  const std::string before(longest_problem - 1, 'x');
  EXPECT_THAT(gather_problems(group, before + "\u00e9"), ElementsAre(before));
}

TEST(Agreement, all_throw_the_same_when_one_has_a_problem) {
  run_as_threads(4, [](Collectives& group) {
    const bool alone = group.rank() == 2;
    const char* own = alone ? "no file (it is gone)." : group.rank() == 0 ? "" : "no memory.";
    EXPECT_THAT(
        [&] { require_no_problem(group, own); },
        ThrowsMessage<core::UsageError>("Ranks 1, 3: no memory.\nRank 2: no file (it is gone)."));
    EXPECT_THAT([&] { require_no_problem(group, "no data."); },
                ThrowsMessage<core::UsageError>("no data."));
  });
}

TEST(Agreement, names_the_ranks_that_differ) {
  run_as_threads(4, [](Collectives& group) {
    const auto rank = static_cast<std::uint64_t>(group.rank());
    require_equal(group, ~std::uint64_t{0}, "data");
    EXPECT_THAT([&] { require_equal(group, rank == 2 ? 1 : 0, "data"); },
                ThrowsMessage<core::UsageError>(
                    "Rank 2 has not the same data as rank 0 (all ranks work on the same thing). "
                    "Start all ranks with the same program, command line and files."));
    EXPECT_THAT([&] { require_equal(group, rank << 63, "options"); },
                ThrowsMessage<core::UsageError>(
                    testing::StartsWith("Ranks 1, 3 have not the same options as rank 0")));
  });
}

}  // namespace

}  // namespace hierevo::comm
