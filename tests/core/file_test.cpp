#include "hierevo/core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "hierevo/core/error.hpp"
#include "hierevo/core/host_name.hpp"
#include "hierevo/core/temporary_path.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::core {
namespace {

std::string refusal_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const IoError& error) {
    return error.what();
  }
  return "none";
}

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

/// Anybody who may write there could have made it, and it leads to a file of the user's.
TEST(ReplaceFile, WritesThroughNoLink) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  const auto victim = folder.path() / "victim";
  replace_file(victim, std::string_view("precious"));
  std::filesystem::create_symlink(victim, folder.path() / "file.tmp");
  replace_file(path, std::string_view("new"));
  EXPECT_EQ(read_text_file(path), "new");
  EXPECT_EQ(read_text_file(victim), "precious");
  EXPECT_FALSE(std::filesystem::is_symlink(path));
  std::filesystem::create_symlink(victim, folder.path() / "file.tmp");
  replace_file_unsynced(path, "newer");
  EXPECT_EQ(read_text_file(path), "newer");
  EXPECT_EQ(read_text_file(victim), "precious");
  replace_file(folder.path() / "file.tmp", std::string_view("left by a killed process"));
  replace_file(path, std::string_view("newest"));
  EXPECT_EQ(read_text_file(path), "newest");
}

TEST(OpenToAppend, AppendsAndFollowsNoLink) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "log";
  for (const std::string_view text : {"one", " two"}) {
    write_all(open_to_append(path).get(), path, std::as_bytes(std::span(text)));
  }
  EXPECT_EQ(read_text_file(path), "one two");
  const auto link = folder.path() / "link";
  for (const auto* target : {"log", "nothing"}) {
    std::filesystem::remove(link);
    std::filesystem::create_symlink(target, link);
    EXPECT_EQ(
        refusal_of([&] { open_to_append(link); }),
        fmt::format("Cannot open '{}' (it is a symbolic link). Remove the link.", link.string()));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "nothing"));
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_NE(refusal_of([&] { open_to_append(folder.path() / "pipe"); }), "none");
}

TEST(NameIsTaken, AlsoByALinkToNothing) {
  const test::ScratchFolder folder;
  const auto link = folder.path() / "link";
  EXPECT_FALSE(name_is_taken(link));
  EXPECT_FALSE(name_is_taken(link / "below"));
  std::filesystem::create_symlink("nothing", link);
  EXPECT_TRUE(name_is_taken(link));
  EXPECT_FALSE(path_exists(link));
  EXPECT_TRUE(name_is_taken(folder.path()));
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

/// Whoever put it there must not keep a program waiting, also with a writer that is silent.
TEST(ReadFile, RefusesWhatIsNoRegularFile) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string refusal =
      fmt::format("Cannot read '{}' (it is not a regular file).", path.string());
  EXPECT_EQ(refusal_of([&] { read_file(path); }), refusal);
  const Descriptor silent(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(refusal_of([&] { read_file(path); }), refusal);
  EXPECT_EQ(refusal_of([] { read_file("/dev/zero"); }),
            "Cannot read '/dev/zero' (it is not a regular file).");
  const auto socket = folder.path() / "socket";
  ASSERT_EQ(::mknod(socket.c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_EQ(refusal_of([&] { read_file(socket, 100, nullptr, Readable::anything); }),
            fmt::format("Cannot read '{}' (it is not a regular file).", socket.string()));
}

TEST(ReadFile, ReadsPipesWhereTheCallerSaysSo) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(read_text_file(path, 100, Readable::anything), "") << "nobody writes";
  EXPECT_EQ(read_text_file("/dev/null", 100, Readable::anything), "");
}

/// A user's Ctrl-C, say.
TEST(ReadFile, StopsWaitingForAWriterAtASignal) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Descriptor silent(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGUSR1, &nothing, &before), 0);
  const pthread_t reader = ::pthread_self();
  std::atomic<bool> done = false;
  std::thread sender([&] {
    while (!done) {
      ::pthread_kill(reader, SIGUSR1);
      std::this_thread::yield();
    }
  });
  const std::string refusal =
      refusal_of([&] { read_file(path, 100, nullptr, Readable::anything); });
  done = true;
  sender.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_NE(refusal.find("Interrupted system call"), std::string::npos) << refusal;
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
  const auto found = read_file(
      path, content.size(),
      [&](auto so_far, std::size_t) {
        seen.push_back(so_far.size());
        return ReadOn::yes;
      },
      Readable::anything);
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

/// Another file would be made, or its mode changed.
TEST(FileLock, FollowsNoLink) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "lock";
  const auto victim = folder.path() / "victim";
  replace_file(victim, std::string_view("precious"));
  std::filesystem::permissions(victim, std::filesystem::perms(0644));
  std::filesystem::create_symlink(victim, path);
  EXPECT_EQ(
      refusal_of([&] { FileLock::try_acquire(path); }),
      fmt::format("Cannot open '{}' (it is a symbolic link). Remove the link.", path.string()));
  std::filesystem::remove(path);
  std::filesystem::create_hard_link(victim, path);
  EXPECT_TRUE(FileLock::try_acquire(path).has_value());
  EXPECT_EQ(std::filesystem::status(victim).permissions(), std::filesystem::perms(0644));
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
