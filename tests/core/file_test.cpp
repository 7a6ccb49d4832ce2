#include "hierevo/core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "hierevo/core/error.hpp"
#include "hierevo/core/host_name.hpp"
#include "hierevo/core/temporary_path.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::core {
namespace {

TEST(ReplaceFile, WritesAndReplaces) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "a file";
  replace_file(path, std::string_view("one"));
  EXPECT_EQ(read_text_file(path), "one");
  replace_file(path, std::string_view(""));
  EXPECT_EQ(read_text_file(path), "");
  const std::string large(3'000'000, 'x');
  replace_file(path, large);
  EXPECT_EQ(read_text_file(path), large);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(ReplaceFile, LeavesTheOldFileWhenItFails) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  replace_file(path, std::string_view("old"));
  std::filesystem::create_directory(folder.path() / "file.tmp");  // the temporary cannot be made
  EXPECT_THROW(replace_file(path, std::string_view("new")), IoError);
  EXPECT_EQ(read_text_file(path), "old");
}

TEST(ReplaceFile, SeveralWritersDoNotShareATemporaryFile) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  std::filesystem::create_directory(folder.path() / "file.tmp");  // another's, say
  const std::string contents = "mine";
  replace_file(path, std::as_bytes(std::span(contents)), Writers::several);
  EXPECT_EQ(read_text_file(path), contents);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

/// Containers may share the host's name and number their processes alike.
TEST(ReplaceFile, IsNotInTheWayOfAnotherWithTheSameHostAndPid) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  std::filesystem::create_directory(
      fmt::format("{}.{}.{}.tmp", path.string(), host_name(), ::getpid()));
  replace_file(path, std::string_view("mine"), Writers::several);
  EXPECT_EQ(read_text_file(path), "mine");
  EXPECT_NE(temporary_path(path), temporary_path(path));
  EXPECT_EQ(temporary_path(path).parent_path(), folder.path());
  EXPECT_EQ(temporary_path(path).extension(), ".tmp");
}

TEST(PublishFile, GivesTheNameAndNeverReplaces) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  const auto temporary = folder.path() / "file.new";
  replace_file(temporary, std::string_view("one"));
  publish_file(temporary, path);
  EXPECT_EQ(read_text_file(path), "one");
  EXPECT_FALSE(std::filesystem::exists(temporary));
  EXPECT_THROW(publish_file(temporary, path), IoError);
  replace_file(temporary, std::string_view("two"));
  try {
    publish_file(temporary, path);
    FAIL() << "a file was replaced";
  } catch (const IoError& error) {
    EXPECT_EQ(error.system_error(), EEXIST);
  }
  EXPECT_EQ(read_text_file(path), "one");
}

TEST(ReadFile, RefusesFoldersMissingAndOverlongFiles) {
  const test::ScratchFolder folder;
  EXPECT_THROW(read_file(folder.path()), IoError);
  EXPECT_THROW(read_file(folder.path() / "none"), IoError);
  replace_file(folder.path() / "file", std::string_view("12345"));
  EXPECT_THROW(read_file(folder.path() / "file", 4), IoError);
  EXPECT_EQ(read_file(folder.path() / "file", 5).size(), 5u);
}

TEST(ReadFile, ReadsNoFurtherThanItIsWanted) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  replace_file(path, std::string(1'000'000, 'x'));
  const auto look = [](std::span<const std::byte> so_far, std::size_t size) {
    EXPECT_EQ(size, 1'000'000u);
    return so_far.size() < 300'000 ? ReadOn::yes : ReadOn::no;
  };
  const auto found = read_file(path, 1'000'000, look);
  EXPECT_GE(found.size(), 300'000u);
  EXPECT_LT(found.size(), 1'000'000u);
}

/// Whoever put it there must not keep a search from starting.
TEST(ReadFile, WaitsForNobodyAtANamedPipe) {
  const test::ScratchFolder folder;
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(read_file(folder.path() / "pipe").empty());
}

TEST(ReadFile, LooksAtAWholeBeginningWhenLittleComesAtOnce) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int pipe = ::open(path.c_str(), O_RDWR);
  const int room = ::fcntl(pipe, F_SETPIPE_SZ, 1);  // a page
  ASSERT_GT(room, 0);
  const std::string content(static_cast<std::size_t>(room) * 3, 'x');
  std::thread writer([&] {
    EXPECT_EQ(::write(pipe, content.data(), content.size()), std::ssize(content));
    ::close(pipe);
  });
  std::vector<std::size_t> seen;
  const auto found = read_file(path, content.size(), [&](auto so_far, std::size_t) {
    seen.push_back(so_far.size());
    return ReadOn::yes;
  });
  writer.join();
  EXPECT_EQ(found.size(), content.size());
  EXPECT_EQ(seen.at(0), std::min(content.size(), std::size_t{1} << 16));
}

TEST(FileLock, IsExclusiveAndEndsWithItsHolder) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "lock";
  {
    const auto lock = FileLock::try_acquire(path);
    ASSERT_TRUE(lock.has_value());
    EXPECT_FALSE(FileLock::try_acquire(path).has_value());
    EXPECT_TRUE(FileLock::held_elsewhere(path));
  }
  EXPECT_FALSE(FileLock::held_elsewhere(path));
  EXPECT_TRUE(FileLock::try_acquire(path).has_value());
}

TEST(FileLock, KnowsItsFile) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "lock";
  const auto lock = FileLock::try_acquire(path);
  EXPECT_TRUE(lock->is_of(path));
  std::filesystem::rename(path, folder.path() / "moved");
  EXPECT_FALSE(lock->is_of(path));
  replace_file(path, std::string_view(""));
  EXPECT_FALSE(lock->is_of(path));
  EXPECT_TRUE(lock->is_of(folder.path() / "moved"));
}

/// A killed process leaves no lock behind.
TEST(FileLock, EndsWithAKilledProcess) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "lock";
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::try_acquire(path);
    const char ok = lock ? 1 : 0;
    if (::write(ready[1], &ok, 1) == 1) ::pause();
    ::_exit(1);
  }
  char ok = 0;
  ASSERT_EQ(::read(ready[0], &ok, 1), 1);
  EXPECT_EQ(ok, 1);
  EXPECT_TRUE(FileLock::held_elsewhere(path));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(FileLock::held_elsewhere(path));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace hierevo::core
