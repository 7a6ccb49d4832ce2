// Undamaged runs are content, whatever was searched for and whenever it is looked.
#include "hierevo/search/verify.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "made_run.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using evolution::Algorithm;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Undamaged : public testing::TestWithParam<std::pair<const char*, RunOptions>> {};
INSTANTIATE_TEST_SUITE_P(
    Runs, Undamaged,
    testing::Values(std::pair{"evolution", RunOptions{}},
                    std::pair{"aging", RunOptions{.algorithm = Algorithm::aging}},
                    std::pair{"random", RunOptions{.algorithm = Algorithm::random}},
                    std::pair{"reuse", RunOptions{.space = "1x4", .reuse = true}},
                    std::pair{"failures", RunOptions{.failures = true}},
                    std::pair{"hierarchical", RunOptions{.space = "hierarchical"}}),
    [](const auto& one) { return std::string(one.param.first); });

TEST_P(Undamaged, RunsAreContentAtEveryMoment) {
  const RunOptions options = GetParam().second;
  const test::ScratchFolder folder;
  EXPECT_FALSE(verify_run(folder.path(), with_model).has_value());
  MadeRun run(folder.path(), options);
  Verification last;
  for (std::size_t told = 4; told <= options.told; told += 4) {
    run.go_on(told);
    if (told % 12 == 0) run.save();
    if (told % 20 == 0) run.start();
    for (const VerifyOptions& given : {with_model, VerifyOptions{}}) {
      const auto found = verify_run(folder.path(), given);
      ASSERT_EQ(all_lines(*found), "");
      EXPECT_THAT(found->notes, IsEmpty());
      last = *found;
    }
  }
  EXPECT_EQ(last.candidates(), run.state().state.history.size() + last.in_flight);
  EXPECT_GT(last.in_flight, 0U);
  EXPECT_EQ(last.reused > 5, options.reuse);
  EXPECT_EQ(last.failed > 5, options.failures);
  EXPECT_EQ(last.files, 6U);
}

TEST(Verify, ARunFromBeforeTheCountsWereKeptIsCheckedButForItsTournaments) {
  const test::ScratchFolder folder;
  MadeRun run(folder.path(), {});
  run.go_on(40);
  io::Snapshot old = run.state();
  for (auto& individual : old.state.history) individual.candidate.known.reset();
  for (auto& candidate : old.state.in_flight) candidate.known.reset();
  auto found = verify_search(old, with_model);
  EXPECT_EQ(all_lines(found), "");
  ASSERT_THAT(found.notes, SizeIs(1));
  EXPECT_THAT(found.notes[0], HasSubstr(fmt::format("{0} of {0} candidates do not say how many",
                                                    found.candidates())));
  old.state.history[30].candidate.seed ^= 1;
  EXPECT_THAT(all_lines(verify_search(old, with_model)), HasSubstr("its seed is"));
  // Gone on with by this version: the new ones are checked.
  evolution::Engine engine(old.options, old.state);
  for (std::size_t i = 0; i < old.state.in_flight.size(); ++i) engine.ask();
  engine.ask();
  io::Snapshot later{old.options, engine.state(), old.progress};
  later.state.history[30].candidate.seed ^= 1;
  found = verify_search(later, with_model);
  EXPECT_EQ(all_lines(found), "");
  EXPECT_THAT(found.notes[0], HasSubstr(fmt::format("{} of {} candidates", found.candidates() - 1,
                                                    found.candidates())));
}

}  // namespace
}  // namespace hierevo::search
