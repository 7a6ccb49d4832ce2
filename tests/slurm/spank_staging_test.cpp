#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "staging.hpp"
#include "support/failing_files.hpp"
#include "support/scratch_folder.hpp"
#include "support/system_call.hpp"

namespace {

/// The call of read() that returns a wrong byte; 0: none.
std::atomic<int> wrong_read = 0;

/// Is called once, before something is read.
std::function<void()> before_reads;

/// Seconds of each pause, none of which really waits.
std::vector<std::time_t> pauses;

}  // namespace

// Replaces the system's own.
extern "C" ssize_t read(int file, void* buffer, std::size_t size) {
  static auto* const real = hierevo::test::system_call<ssize_t(int, void*, std::size_t)>("read");
  if (before_reads) std::exchange(before_reads, nullptr)();
  const ssize_t got = real(file, buffer, size);
  if (wrong_read > 0 && --wrong_read == 0 && got > 0) *static_cast<char*>(buffer) ^= 1;
  return got;
}

extern "C" int nanosleep(const timespec* time, timespec*) {
  pauses.push_back(time->tv_sec);
  return 0;
}

/// As on XFS, which has the shortest of all file systems.
extern "C" int symlinkat(const char* text, int folder, const char* name) noexcept {
  static auto* const real =
      hierevo::test::system_call<int(const char*, int, const char*)>("symlinkat");
  if (std::strlen(text) <= 1023) return real(text, folder, name);
  errno = ENAMETOOLONG;
  return -1;
}

namespace hierevo::spank {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Staging : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(source / "inner");
    fs::create_directory(folder);
    std::ofstream(source / "a") << "first";
    std::ofstream(source / "inner/b") << "second";
  }

  StagePlace place(std::uint32_t step = 0) const {
    return {.folder = folder,
            .limit = std::numeric_limits<std::uint64_t>::max(),
            .restarts = std::nullopt,
            .job_began = [] { return std::time_t{0}; },
            .step = step};
  }

  StageRequest request(const std::string& name = "data") const { return {source, name}; }

  std::string refusal(const StageRequest& wanted, const StagePlace& where) const {
    try {
      stage(wanted, where);
    } catch (const core::Error& error) {
      return error.what();
    }
    return "was staged";
  }

  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      if (name != ".start" && name != ".sources") found.insert(name);
    }
    return found;
  }

  void expect_whole() const {
    std::string text;
    std::ifstream(folder / "data/inner/b") >> text;
    EXPECT_EQ(text, "second");
    EXPECT_THAT(names(), UnorderedElementsAre("data"));
  }

  test::ScratchFolder scratch;
  fs::path source = scratch.path() / "source";
  fs::path folder = scratch.path() / "job";
};

TEST_F(Staging, CopiesOnceAndFindsItAgain) {
  const Staged first = stage(request(), place());
  EXPECT_TRUE(first.copied);
  EXPECT_TRUE(first.is_folder);
  EXPECT_EQ(first.path, folder / "data");
  EXPECT_EQ(first.size.files, 2u);
  EXPECT_EQ(first.size.bytes, 11u);
  EXPECT_GT(first.free_bytes, 0u);
  expect_whole();
  fs::remove_all(source);
  const Staged again = stage(request(), place(1));
  EXPECT_FALSE(again.copied);
  EXPECT_TRUE(again.is_folder);
  EXPECT_EQ(again.path, first.path);
}

TEST_F(Staging, OfTasksAtTheSameTimeOneCopies) {
  std::atomic<int> copied = 0;
  std::vector<std::jthread> tasks;
  for (int i = 0; i < 4; ++i) {
    tasks.emplace_back([&] { copied += stage(request(), place()).copied ? 1 : 0; });
  }
  tasks.clear();
  EXPECT_EQ(copied, 1);
  expect_whole();
}

TEST_F(Staging, ANameStandsForOneSource) {
  stage(request(), place());
  EXPECT_THAT(refusal({source / "a", "data"}, place()), HasSubstr("Give another name"));
  std::ofstream(folder / "mine") << "of the user";
  EXPECT_THAT(refusal(request("mine"), place(1)), HasSubstr("the name is already in use"));
  EXPECT_TRUE(stage({source / "a", "other"}, place(2)).copied);
  EXPECT_THAT(names(), UnorderedElementsAre("data", "mine", "other", ".failure"));
}

TEST_F(Staging, NamesAndSourcesMayBeAsLongAsTheSystemAllows) {
  std::string path = source;
  path.append(PATH_MAX - 1 - path.size(), '/');
  const StageRequest wanted = {path, std::string(NAME_MAX, 'n')};
  EXPECT_TRUE(stage(wanted, place()).copied);
  EXPECT_FALSE(stage(wanted, place(1)).copied);
  EXPECT_TRUE(fs::exists(folder / wanted.name / "inner/b"));
  // Another source with the same beginning, and a message of another length.
  StageRequest other = wanted;
  other.source.pop_back();
  const std::string why = refusal(other, place(2));
  EXPECT_THAT(why, HasSubstr("Give another name"));
  EXPECT_LT(why.size(), 600u);
}

TEST_F(Staging, PipesOfTheUserAreNotWaitedFor) {
  fs::create_directory(folder / ".sources");
  for (const char* name : {".start", ".failure", ".sources/data", "pipe"})
    ASSERT_EQ(::mkfifo((folder / name).c_str(), 0600), 0);
  EXPECT_TRUE(stage(request(), place()).copied);
  fs::remove(folder / ".sources/data");
  ASSERT_EQ(::mkfifo((folder / ".sources/data").c_str(), 0600), 0);
  EXPECT_THAT(refusal(request(), place()), HasSubstr("the name is already in use"));
  EXPECT_TRUE(stage({source, "other"}, place(1)).copied);  // existing data were measured
}

TEST_F(Staging, FilesThatGoBeforeTheCopyAreMissed) {
  // The measured folder is emptied before it is listed for the copy.
  fs::create_directory(source / "z");
  std::ofstream(source / "z/c") << "third";
  before_reads = [this] { fs::remove(source / "z/c"); };
  EXPECT_THAT(refusal(request(), place()), HasSubstr("changed while it was copied"));
  EXPECT_THAT(names(), UnorderedElementsAre(".failure"));
}

TEST_F(Staging, LimitCountsAllOfTheJob) {
  StagePlace where = place();
  where.limit = 15;
  stage(request(), where);
  EXPECT_THAT(refusal(request("again"), where), HasSubstr("11 bytes are too much to stage"));
  where.step = 1;
  where.limit = 100;
  stage(request("again"), where);
}

TEST_F(Staging, WhatDoesNotFitIsNotBegun) {
  fs::resize_file(source / "a", std::uintmax_t{1} << 43);  // it takes no space itself
  EXPECT_THAT(refusal(request(), place()),
              testing::AllOf(HasSubstr("8.0 TiB cannot be staged"), HasSubstr(" free)")));
  EXPECT_THAT(names(), UnorderedElementsAre(".failure"));
}

TEST_F(Staging, AFailureIsToldByOneTaskOfAStep) {
  fs::rename(source, scratch.path() / "away");
  EXPECT_THAT(refusal(request(), place()), HasSubstr("No such file or directory"));
  EXPECT_THROW(stage(request(), place()), AlreadyReported);
  EXPECT_THAT(refusal(request(), place(1)), HasSubstr("No such file or directory"));
  fs::rename(scratch.path() / "away", source);
  EXPECT_TRUE(stage(request(), place(2)).copied);
}

class Restarts : public Staging {
 protected:
  /// Whether a task with this restart count removes what is there.
  bool empties(std::optional<std::uint32_t> restarts) {
    std::ofstream(folder / "result") << "of the job";
    StagePlace where = place(++step);
    where.restarts = restarts;
    where.job_began = [this] { return ++asked, began; };
    const bool copied = stage(request(), where).copied;
    EXPECT_NE(copied, fs::exists(folder / "result"));
    return copied;
  }

  static constexpr std::time_t far = std::numeric_limits<std::int32_t>::max();
  std::uint32_t step = 0;
  std::time_t began = far;  ///< after all recorded times
  int asked = 0;
};

TEST_F(Restarts, ALargerCountBeginsAnew) {
  stage(request(), place());
  std::ofstream(source / "inner/b") << "changed";
  EXPECT_TRUE(empties(1));
  std::string text;
  std::ifstream(folder / "data/inner/b") >> text;
  EXPECT_EQ(text, "changed");
  EXPECT_TRUE(empties(12));
  EXPECT_EQ(asked, 2);
}

TEST_F(Restarts, NothingElseRemovesWhatTheJobHas) {
  stage(request(), place());
  EXPECT_TRUE(empties(2));
  EXPECT_FALSE(empties(std::nullopt));  // from a login shell
  EXPECT_FALSE(empties(0));
  EXPECT_FALSE(empties(1));
  EXPECT_FALSE(empties(2));
  EXPECT_EQ(asked, 1);  // Slurm is spared
}

TEST_F(Restarts, ALargerCountOfAnotherJobRemovesNothing) {
  stage(request(), place());
  began = 0;  // this job has had no start since
  EXPECT_FALSE(empties(7));
}

TEST_F(Restarts, AnEarlierFailureDoesNotEndANewStartWhoseFilesStay) {
  fs::rename(source, scratch.path() / "away");
  EXPECT_THAT(refusal(request(), place()), HasSubstr("No such file or directory"));
  fs::rename(scratch.path() / "away", source);
  StagePlace where = place();  // the step has the number of the one that failed
  where.restarts = 1;
  where.job_began = [] { return std::time_t{0}; };
  EXPECT_TRUE(stage(request(), where).copied);
}

TEST_F(Restarts, WithoutAnAnswerOfSlurmNothingIsRemovedOrUsed) {
  stage(request(), place());
  StagePlace where = place(1);
  where.restarts = 1;
  where.job_began = [this]() -> std::optional<std::time_t> { return ++asked, std::nullopt; };
  pauses.clear();
  EXPECT_THAT(refusal(request(), where), HasSubstr("Slurm's controller does not respond"));
  expect_whole();
  EXPECT_EQ(asked, 9);
  EXPECT_EQ(std::accumulate(pauses.begin(), pauses.end(), std::time_t{0}), 121);
}

TEST_F(Restarts, SlurmIsAskedAgainUntilItAnswers) {
  stage(request(), place());
  StagePlace where = place(1);
  where.restarts = 1;
  where.job_began = [this]() -> std::optional<std::time_t> {
    return ++asked < 3 ? std::nullopt : std::optional(far);
  };
  pauses.clear();
  EXPECT_TRUE(stage(request(), where).copied);
  EXPECT_THAT(pauses, testing::ElementsAre(1, 2));
}

TEST_F(Restarts, ALostNoteRemovesNothing) {
  stage(request(), place());
  fs::remove(folder / ".start");
  EXPECT_FALSE(empties(1));
  fs::remove(folder / ".start");
  fs::create_symlink("no number", folder / ".start");
  EXPECT_FALSE(empties(2));
}

TEST_F(Staging, AByteThatReadsBackWrongIsFound) {
  fs::remove_all(source / "inner");
  wrong_read = 4;  // after the file's bytes, and twice its end: the first of the copy
  EXPECT_THAT(refusal(request(), place()), HasSubstr("does not read back as it was written"));
  EXPECT_EQ(wrong_read, 0);
  EXPECT_THAT(names(), UnorderedElementsAre(".failure"));
}

TEST_F(Staging, FullDisksLeaveNothing) {
  int refused = 0;
  for (std::size_t nth = 1;; ++nth) {
    test::FailingFiles failing(nth, test::FileFault::full);
    const std::string why = refusal(request(), place(static_cast<std::uint32_t>(nth)));
    if (why == "was staged") break;  // all was written
    EXPECT_THAT(why, HasSubstr("No space left")) << nth;
    EXPECT_THAT(names(), UnorderedElementsAre(".failure")) << nth;
    ++refused;
  }
  EXPECT_GE(refused, 2);
  EXPECT_TRUE(fs::exists(folder / "data"));
}

TEST_F(Staging, KilledTasksLeaveAllOrNothing) {
  std::size_t nth = 1;
  for (; test::crashes_at(nth, [&] { stage(request(), place()); }); ++nth) {
    if (names().count("data") == 0) continue;
    EXPECT_FALSE(stage(request(), place()).copied) << nth;
    expect_whole();
    fs::remove_all(folder / "data");
  }
  EXPECT_GT(nth, 2u);
  expect_whole();
}

}  // namespace
}  // namespace hierevo::spank
