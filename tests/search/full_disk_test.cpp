// Searches whose run directory is on a disk that fills up, becomes read-only, or goes away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "hierevo/comm/self_communicator.hpp"
#include "hierevo/core/error.hpp"
#include "search/search_cases.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Runs the search; before candidate `id` is evaluated, `events` of it happens.
struct DisturbedSearch {
  std::map<std::uint64_t, std::function<void()>> events;
  /// Told how long the search is at its end already; true asks it to stop.
  std::function<bool(std::chrono::steady_clock::duration)> at_the_end = [](auto) { return true; };

  SearchEnd run(const fs::path& folder) const {
    ScriptedEvaluator evaluator;
    evaluator.script = [this](const evolution::Candidate& candidate) {
      const auto event = events.find(number(candidate.id));
      if (event != events.end()) event->second();
      return std::nullopt;
    };
    SearchOptions options = small_search(folder);
    options.grace = std::chrono::duration<double>(0.2);
    const auto evaluators = make_local_evaluators({&evaluator});
    comm::SelfCommunicator self;
    std::optional<std::chrono::steady_clock::time_point> ended;
    const auto look = [&](const SearchStatus& status) {
      if (status.ending && !ended) ended = std::chrono::steady_clock::now();
    };
    const auto asked = [&] {
      return ended && at_the_end(std::chrono::steady_clock::now() - *ended);
    };
    return run_search(self, options, evaluators.get(), "", look, asked);
  }

  /// The IoError that ends it.
  std::optional<core::IoError> error(const fs::path& folder) const {
    try {
      run(folder);
    } catch (const core::IoError& error) {
      return error;
    }
    return std::nullopt;
  }
};

std::size_t kept(const fs::path& run) {
  return RunDirectory::read(run).value().state.history.size();
}

/// Candidates between which the disk is out of order. Some are decided without an evaluation.
constexpr std::uint64_t begin = 20;
constexpr std::uint64_t later = 45;

/// A small disk in memory. It is in a mount namespace of this program, and ends with that.
class SmallDisk : public testing::Test {
 protected:
  void SetUp() override {
    static const bool alone = ::unshare(CLONE_NEWNS) == 0;
    if (!alone || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", disk_.c_str(), "tmpfs", 0, "size=1m") != 0) {
      GTEST_SKIP() << "A small disk cannot be mounted (" << std::strerror(errno)
                   << "). Run this test as root, with the right to mount.";
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(disk_.c_str(), MNT_DETACH);
  }

  void fill() const {
    std::ofstream file(ballast_, std::ios::binary);
    const std::string page(4096, 'x');
    while (file.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
    EXPECT_EQ(fs::space(disk_).available, 0u);
  }
  void free() const { fs::remove(ballast_); }

  test::ScratchFolder folder_;
  fs::path disk_ = folder_.path();
  fs::path ballast_ = disk_ / "ballast";
  fs::path run_ = disk_ / "run";
  bool mounted_ = false;
};

TEST_F(SmallDisk, ASearchGoesOnWhileItIsFull) {
  std::size_t before = 0;
  std::size_t meanwhile = 0;
  const DisturbedSearch search{{{begin,
                                 [&] {
                                   before = kept(run_);
                                   fill();
                                 }},
                                {later, [&] {
                                   meanwhile = kept(run_);
                                   free();
                                 }}}};
  testing::internal::CaptureStderr();
  EXPECT_EQ(search.run(run_), SearchEnd::finished);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("(No space left on device)"));
  EXPECT_THAT(log, HasSubstr("not saved until then, but none is lost while the search runs"));
  EXPECT_GT(before, 0u);
  EXPECT_GE(meanwhile, before);
  EXPECT_LT(meanwhile, later - 1) << "the disk was not full";
  expect_complete(run_, 60);
}

TEST_F(SmallDisk, ASearchThatNeverFindsRoomSaysSoAndCanGoOn) {
  std::size_t before = 0;
  const DisturbedSearch search{{{begin, [&] {
                                   before = kept(run_);
                                   fill();
                                 }}}};
  const auto error = search.error(run_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->system_error(), ENOSPC);
  EXPECT_EQ(error->exit_code(), core::ExitCode::run_directory);
  EXPECT_GT(before, 0u);
  EXPECT_GE(kept(run_), before);
  EXPECT_EQ(DisturbedSearch{}.error(run_)->system_error(), ENOSPC);  // nor can it begin
  EXPECT_GE(kept(run_), before);
  free();
  EXPECT_EQ(DisturbedSearch{}.run(run_), SearchEnd::finished);
  expect_complete(run_, 60);
}

/// Nobody waits for the end of a search by the second, and its results cost days.
TEST_F(SmallDisk, ASearchThatHasFinishedWaitsForRoomUntilItIsAskedToStop) {
  DisturbedSearch search{{{begin, [&] { fill(); }}}};
  search.at_the_end = [&](std::chrono::steady_clock::duration passed) {
    if (passed > std::chrono::seconds(1) && fs::exists(ballast_)) free();  // long after --grace
    return false;
  };
  EXPECT_EQ(search.run(run_), SearchEnd::finished);
  expect_complete(run_, 60);
}

/// A system that makes a disk read-only does not ask who writes. Here a read-only view of the run
/// is laid over it: what is open stays writable, what is opened is not.
TEST_F(SmallDisk, ASearchGoesOnWhileItIsReadOnly) {
  const auto lock = [&] {
    ASSERT_EQ(::mount(run_.c_str(), run_.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount(nullptr, run_.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr),
              0);
  };
  const auto unlock = [&] { ASSERT_EQ(::umount2(run_.c_str(), MNT_DETACH), 0); };
  const auto error = DisturbedSearch{{{begin, lock}}}.error(run_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->system_error(), EROFS);
  EXPECT_GE(kept(run_), begin - 1);
  unlock();
  EXPECT_EQ(DisturbedSearch{}.run(run_), SearchEnd::finished);
  expect_complete(run_, 60);
}

TEST(RunThatGoesAway, IsToldAtTheEnd) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  const auto error = DisturbedSearch{{{begin, [&] { fs::remove_all(run); }}}}.error(run);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->system_error(), ENOENT);
  EXPECT_THAT(error->what(), HasSubstr("Cannot write into the run directory '" + run.string()));
  EXPECT_THAT(error->what(), HasSubstr("It was moved, removed or created again meanwhile"));
  EXPECT_FALSE(fs::exists(run));
}

TEST(RunThatGoesAway, CanComeBack) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  const fs::path away = folder.path() / "away";
  const DisturbedSearch search{
      {{begin, [&] { fs::rename(run, away); }}, {later, [&] { fs::rename(away, run); }}}};
  EXPECT_EQ(search.run(run), SearchEnd::finished);
  expect_complete(run, 60);
}

TEST(RunThatGoesAway, MakesRoomForAnotherThatIsLeftAlone) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  const auto replace = [&] {
    fs::remove_all(run);
    RunDirectory other(run);
    io::Snapshot snapshot;
    snapshot.options.seed = 77;
    other.save(snapshot);
  };
  const auto error = DisturbedSearch{{{begin, replace}}}.error(run);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->system_error(), ESTALE);
  EXPECT_EQ(saved(run).options.seed, 77u);
  EXPECT_TRUE(saved(run).state.history.empty());
}

}  // namespace
}  // namespace hierevo::search
