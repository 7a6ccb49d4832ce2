// Needs root, to become another user; skipped otherwise.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "as_user.hpp"
#include "job_folder.hpp"
#include "support/scratch_folder.hpp"
#include "tree.hpp"

namespace hierevo::spank {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr User user = {4711, 4712};
constexpr User other = {4713, 4714};

template <typename Work>
std::string failure_of(Work work) {
  try {
    work();
  } catch (const core::Error& error) {
    return error.what();
  }
  return "went well";
}

uid_t owner_of(const fs::path& path) {
  struct stat status = {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_uid;
}

void run_as(const User& whom, const std::function<void()>& work,
            std::chrono::milliseconds limit = std::chrono::minutes(1)) {
  in_child(
      "The work",
      [&] {
        become(whom);
        work();
        return true;
      },
      limit);
}

bool remove_job_folder(const std::string& folder, std::uint32_t job, const User& whom) {
  return spank::remove_job_folder(folder, job, whom, std::chrono::minutes(1));
}

class JobFolder : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    fs::permissions(scratch.path(), fs::perms(0755));
  }

  /// As the job's user.
  void plant(const std::function<void(const fs::path&)>& work) {
    run_as(user, [&] { work(job); });
  }

  test::ScratchFolder scratch;
  std::string folder = (scratch.path() / "hierevo").string();
  fs::path job = job_folder_path(folder, 7);
};

TEST_F(JobFolder, WorkIsDoneAsTheUserForGood) {
  run_as(user, [] {
    EXPECT_EQ(::getuid(), user.uid);
    EXPECT_EQ(::getegid(), user.gid);
    EXPECT_EQ(::getgroups(0, nullptr), 0);
    if (::setuid(0) == 0 || ::setgid(0) == 0) throw core::InternalError("is root again");
    if (::access("/etc/shadow", R_OK) == 0) throw core::InternalError("reads /etc/shadow");
  });
  EXPECT_EQ(::geteuid(), 0u);
}

TEST_F(JobFolder, FailuresOfTheUsersWorkAreTold) {
  EXPECT_EQ(failure_of([] { run_as(user, [] { throw core::UsageError("No."); }); }), "No.");
  EXPECT_THAT(failure_of([] { run_as(user, [] { throw 1; }); }), HasSubstr("unknown"));
  EXPECT_THAT(failure_of([] { run_as(user, [] { ::raise(SIGKILL); }); }),
              HasSubstr("The work has failed (its process was killed"));
}

TEST_F(JobFolder, WorkThatDoesNotEndIsGivenUp) {
  const auto hang = [] {
    while (true) ::pause();
  };
  EXPECT_THAT(failure_of([&] { run_as(user, hang, std::chrono::milliseconds(50)); }),
              HasSubstr("more than 0.05 s"));
  const auto closed_but_alive = [&] {
    for (int descriptor = 3; descriptor < 64; ++descriptor) ::close(descriptor);
    hang();
  };
  EXPECT_THAT(failure_of([&] { run_as(user, closed_but_alive, std::chrono::milliseconds(50)); }),
              HasSubstr("more than 0.05 s"));
}

TEST_F(JobFolder, WhatTheWorkSaysIsHandedOn) {
  EXPECT_TRUE(in_child(
      "The work", [] { return true; }, std::chrono::minutes(1)));
  EXPECT_FALSE(in_child(
      "The work", [] { return false; }, std::chrono::minutes(1)));
  const std::string text = fmt::format("{:x<100000}.", "");  // more than a pipe holds
  EXPECT_EQ(failure_of([&] { run_as(user, [&] { throw core::UsageError(text); }); }), text);
}

TEST_F(JobFolder, WorkThatTheUserStopsIsKilled) {
  // By any process of the user; it would never exit.
  const auto stop = [] { ::raise(SIGSTOP); };
  EXPECT_EQ(failure_of([&] { run_as(user, stop); }),
            "The work was given up (its process was stopped by signal 19).");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // nothing is left
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(JobFolder, ARemovalThatTakesLongerThanItsLimitIsGivenUp) {
  make_job_folder(folder, 7, user);
  plant([](const fs::path& path) {
    for (int i = 0; i < 3000; ++i) std::ofstream(path / std::to_string(i)) << "1";
  });
  EXPECT_EQ(failure_of([this] {
              spank::remove_job_folder(folder, 7, user, std::chrono::milliseconds(1));
            }),
            "The removal of '" + job.string() + "' was given up (it took more than 0.001 s).");
  EXPECT_TRUE(fs::exists(job));
  EXPECT_TRUE(remove_job_folder(folder, 7, user));
}

TEST_F(JobFolder, IsTheUsersInAFolderOfRoots) {
  const mode_t mask = ::umask(0077);  // the job's, in the plugin
  make_job_folder(folder, 7, user);
  make_job_folder(folder, 7, user);
  ::umask(mask);
  EXPECT_EQ(owner_of(folder), 0u);
  EXPECT_EQ(static_cast<int>(fs::status(folder).permissions()) & 0111, 0111);
  EXPECT_EQ(owner_of(job), user.uid);
  EXPECT_EQ(static_cast<int>(fs::status(job).permissions()), 0700);
  plant([](const fs::path& path) { std::ofstream(path / "file") << "1"; });
  EXPECT_EQ(owner_of(job / "file"), user.uid);
}

TEST_F(JobFolder, FoldersThatOthersCanChangeAreRefused) {
  const auto make = [this] { make_job_folder(folder, 7, user); };
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms(01777));
  EXPECT_THAT(failure_of(make), HasSubstr("others than root"));
  EXPECT_THAT(failure_of([this] { remove_job_folder(folder, 7, user); }),
              HasSubstr("others than root"));
  fs::permissions(folder, fs::perms(0755));
  ASSERT_EQ(::chown(folder.c_str(), user.uid, user.gid), 0);
  EXPECT_THAT(failure_of(make), HasSubstr("others than root"));
  fs::remove(folder);
  fs::create_directory_symlink(scratch.path(), folder);
  EXPECT_THAT(failure_of(make), HasSubstr("Cannot open"));
  fs::remove(folder);
  fs::create_directories(folder);
  fs::create_directory_symlink("/etc", job);
  EXPECT_THAT(failure_of(make), HasSubstr("Cannot open"));
  EXPECT_EQ(owner_of("/etc"), 0u);
}

TEST_F(JobFolder, OfAnotherUserIsLeftAlone) {
  make_job_folder(folder, 7, other);
  std::ofstream(job / "file") << "1";
  EXPECT_THAT(failure_of([this] { make_job_folder(folder, 7, user); }),
              HasSubstr("belongs to another user"));
  EXPECT_THAT(failure_of([this] { remove_job_folder(folder, 7, user); }), HasSubstr("not empty"));
  EXPECT_TRUE(fs::exists(job / "file"));
}

TEST_F(JobFolder, IsRemovedWithWhateverTheUserPutThere) {
  fs::create_directory(scratch.path() / "kept");
  std::ofstream(scratch.path() / "kept/file") << "1";
  ASSERT_EQ(::chown((scratch.path() / "kept").c_str(), user.uid, user.gid), 0);
  make_job_folder(folder, 7, user);
  plant([this](const fs::path& path) {
    fs::create_directories(path / "closed/inner");
    std::ofstream(path / "closed/inner/file") << "1";
    fs::create_symlink("/etc/shadow", path / "shadow");
    fs::create_directory_symlink(scratch.path() / "kept", path / "closed/kept");
    if (::mkfifo((path / "pipe").c_str(), 0600) != 0) throw core::InternalError("no pipe");
    fs::permissions(path / "closed/inner", fs::perms(0));
    fs::permissions(path / "closed", fs::perms(0));
    fs::permissions(path, fs::perms(0));
  });
  EXPECT_TRUE(remove_job_folder(folder, 7, user));
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_TRUE(fs::exists("/etc/shadow"));
  EXPECT_TRUE(fs::exists(scratch.path() / "kept/file"));
}

TEST_F(JobFolder, NothingIsRemovedAsRoot) {
  make_job_folder(folder, 7, user);
  fs::create_directory(job / "of_root");
  std::ofstream(job / "of_root/file") << "1";
  EXPECT_THAT(failure_of([this] { remove_job_folder(folder, 7, user); }),
              HasSubstr("Permission denied"));
  EXPECT_TRUE(fs::exists(job / "of_root/file"));
}

TEST_F(JobFolder, WhereThereIsNoneNothingHappens) {
  EXPECT_FALSE(remove_job_folder(folder, 7, user));
  EXPECT_FALSE(fs::exists(folder));
  make_job_folder(folder, 8, user);
  EXPECT_FALSE(remove_job_folder(folder, 7, user));
  EXPECT_TRUE(remove_job_folder(folder, 8, user));
}

}  // namespace
}  // namespace hierevo::spank
