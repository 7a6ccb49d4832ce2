#include "hierevo/comm/agreement.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <stdexcept>
#include <string>
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
    EXPECT_THAT(gather_texts(group, own), ElementsAre("aaaaa", "", "ccccc"));
    EXPECT_THAT(gather_texts(group, ""), ElementsAre("", "", ""));
  });
}

TEST(Agreement, cuts_long_texts_between_characters) {
  SelfCollectives group;
  const std::string too_long(longest_text + 10, 'x');
  EXPECT_THAT(gather_texts(group, too_long), ElementsAre(std::string(longest_text, 'x')));
  const std::string before(longest_text - 1, 'x');
  EXPECT_THAT(gather_texts(group, before + "\u00e9"), ElementsAre(before));
}

/// What the ranks throw that do `work`, with its exit code.
void expect_thrown(const std::function<void()>& work, const std::string& text,
                   core::ExitCode code) {
  try {
    work();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const AgreedError& error) {
    EXPECT_EQ(std::string(error.what()), text);
    EXPECT_EQ(error.exit_code(), code);
  }
}

TEST(Agreement, all_throw_the_same_when_one_has_a_problem) {
  run_as_threads(4, [](Collectives& group) {
    int done = 0;
    all_or_throw(group, [&done] { ++done; });
    EXPECT_EQ(done, 1);
    expect_thrown(
        [&group] {
          all_or_throw(group, [&group] {
            if (group.rank() == 2) throw core::CheckpointError("a/last.h5", "it is gone");
            if (group.rank() > 0) throw core::UsageError("no memory");
          });
        },
        "Ranks 1, 3: no memory.\nRank 2: " +
            std::string(core::CheckpointError("a/last.h5", "it is gone").what()),
        core::ExitCode::usage);
    expect_thrown([&group] { all_or_throw(group, [] { throw std::runtime_error("x"); }); },
                  "internal error: x", core::ExitCode::internal);
  });
}

TEST(Agreement, what_rank_0_makes_all_have) {
  run_as_threads(3, [](Collectives& group) {
    const bool first = group.rank() == 0;
    const std::string long_text(longest_text * 3, 'x');
    for (const std::string& text : {std::string("one\0two", 7), std::string(), long_text}) {
      EXPECT_EQ(compute_on_root(group,
                                [&] {
                                  EXPECT_TRUE(first);
                                  return text;
                                }),
                text);
    }
    expect_thrown(
        [&group] {
          compute_on_root(group, []() -> std::string {
            throw core::Interrupted("It was stopped", "a signal came");
          });
        },
        "It was stopped (a signal came).", core::ExitCode::saved);
    EXPECT_EQ(compute_on_root(group, [] { return "still there"; }), "still there");
  });
}

TEST(Agreement, names_the_ranks_that_differ) {
  run_as_threads(4, [](Collectives& group) {
    const auto rank = static_cast<std::uint64_t>(group.rank());
    require_equal(group, ~std::uint64_t{0}, "data");
    EXPECT_THAT([&] { require_equal(group, rank == 2 ? 1 : 0, "data"); },
                ThrowsMessage<AgreedError>(
                    "Rank 2 has other data than rank 0 (all ranks work on the same thing). "
                    "Start all ranks with the same program, command line and files."));
    EXPECT_THAT([&] { require_equal(group, rank << 63, "options"); },
                ThrowsMessage<AgreedError>(
                    testing::StartsWith("Ranks 1, 3 have other options than rank 0")));
  });
}

}  // namespace

}  // namespace hierevo::comm
