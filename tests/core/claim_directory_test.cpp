#include "hierevo/core/claim_directory.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <set>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/temporary_path.hpp"
#include "support/dropped_locks.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::core {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::string_view markers[] = {"work"};
constexpr Claim claim{"folder of a test", markers};

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

/// The exit code of a process that does this.
int in_another_process(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Owner, IsRecordedWithEachStart) {
  const test::ScratchFolder folder;
  EXPECT_FALSE(owner_of(folder.path()));
  const OwnerMark first = become_owner(folder.path(), 0);
  EXPECT_EQ(first.incarnation, 1u);
  EXPECT_EQ(owner_of(folder.path())->mark, first);
  const OwnerMark second = become_owner(folder.path(), 0);
  EXPECT_EQ(second.incarnation, 2u);
  EXPECT_NE(second.token, first.token);
  const auto owner = owner_of(folder.path());
  EXPECT_EQ(owner->mark, second);
  EXPECT_EQ(owner->pid, std::to_string(::getpid()));
  EXPECT_THAT(owner->text(), HasSubstr("process " + owner->pid + " on " + owner->host));
  EXPECT_FALSE(fs::exists(folder.path() / "owner-1"));
  EXPECT_TRUE(is_owner_file("owner-2"));
  EXPECT_FALSE(is_owner_file("owner-2x"));
  // Files in the folder may know of more starts than it does.
  EXPECT_EQ(become_owner(folder.path(), 40).incarnation, 41u);
}

TEST(Owner, NumbersAreNeverGivenTwice) {
  const test::ScratchFolder folder;
  constexpr int processes = 8;
  constexpr int each = 20;
  std::array<int, 2> marks{};
  ASSERT_EQ(::pipe(marks.data()), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    for (int k = 0; k < each; ++k) {
      const OwnerMark mark = become_owner(folder.path(), 0);
      if (::write(marks[1], &mark, sizeof mark) != sizeof mark) ::_exit(1);
    }
    ::_exit(0);
  }
  std::set<std::uint64_t> incarnations;
  for (int i = 0; i < processes * each; ++i) {
    OwnerMark mark;
    ASSERT_EQ(::read(marks[0], &mark, sizeof mark), static_cast<ssize_t>(sizeof mark));
    EXPECT_TRUE(incarnations.insert(mark.incarnation).second) << mark.incarnation;
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(owner_of(folder.path())->mark.incarnation, *incarnations.rbegin());
  ::close(marks[0]);
  ::close(marks[1]);
}

/// One that cannot be counted on from does not keep others from starting.
TEST(Owner, NumbersHaveAnEnd) {
  const test::ScratchFolder folder;
  replace_file(folder.path() / "owner-18446744073709551615", std::string_view("host = n1\n"));
  EXPECT_FALSE(owner_of(folder.path()));
  EXPECT_EQ(become_owner(folder.path(), 0).incarnation, 1u);
}

/// The file may be anybody's work: what it says ends up in messages.
TEST(Owner, IsReadWithCare) {
  const test::ScratchFolder folder;
  replace_file(folder.path() / "owner-7",
               std::string_view("host = n1\x1b[2J'\npid = 12\njob = \ntoken = zz\n"));
  const auto owner = owner_of(folder.path());
  EXPECT_EQ(owner->mark, (OwnerMark{7, 0}));
  EXPECT_EQ(owner->text(), "process 12 on n1[2J");
  replace_file(folder.path() / "owner-8", std::string(1 << 20, 'x'));
  EXPECT_EQ(owner_of(folder.path())->mark.incarnation, 8u);
  EXPECT_EQ(owner_of(folder.path())->text(), "an unknown process");
}

TEST(DirectoryClaim, NamesWhoHoldsTheLock) {
  const test::ScratchFolder folder;
  DirectoryClaim first(folder.path() / "work", claim);
  first.take_over();
  try {
    const DirectoryClaim second(folder.path() / "work", claim);
    FAIL();
  } catch (const InUseError& error) {
    EXPECT_THAT(error.what(), HasSubstr(owner_of(folder.path() / "work")->text()));
    EXPECT_THAT(error.what(), HasSubstr("Wait for it or end it, or choose another folder"));
  }
}

/// Where locks do not keep others away, the number of the owner does.
TEST(DirectoryClaim, IsLostToALaterOwner) {
  const test::ScratchFolder folder;
  DirectoryClaim first(folder.path(), claim);
  first.take_over();
  first.require();
  become_owner(folder.path(), 0);
  try {
    first.require();
    FAIL();
  } catch (const OwnershipLost& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::in_use);
    EXPECT_THAT(error.what(), HasSubstr("another process has taken over this folder of a test"));
    EXPECT_THAT(error.what(), HasSubstr(owner_of(folder.path())->text()));
  }
}

/// A file system may drop the lock of who sleeps, and give it to somebody else.
TEST(DirectoryClaim, IsLostToWhoHasTheLock) {
  const test::ScratchFolder folder;
  DirectoryClaim first(folder.path(), claim);
  first.take_over();
  std::array<int, 2> locked{};
  std::array<int, 2> end{};
  ASSERT_EQ(::pipe(locked.data()), 0);
  ASSERT_EQ(::pipe(end.data()), 0);
  const fs::path lock = folder.path() / "lock";
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    if (::read(end[0], &byte, 1) != 1) ::_exit(1);
    const auto taken = FileLock::try_acquire(lock);
    byte = taken ? 1 : 0;
    if (::write(locked[1], &byte, 1) != 1 || ::read(end[0], &byte, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  test::drop_locks_of(lock);
  char byte = 1;
  ASSERT_EQ(::write(end[1], &byte, 1), 1);
  ASSERT_EQ(::read(locked[0], &byte, 1), 1);
  ASSERT_EQ(byte, 1);
  EXPECT_THROW(first.require(), OwnershipLost);
  ASSERT_EQ(::write(end[1], &byte, 1), 1);
  ::waitpid(child, nullptr, 0);
  first.require();  // nobody has it any more: it is taken again
  EXPECT_EQ(in_another_process([&] { return FileLock::try_acquire(lock) ? 1 : 0; }), 0);
}

TEST(DirectoryClaim, RemovesWhatWasCutOff) {
  const test::ScratchFolder folder;
  DirectoryClaim first(folder.path(), claim);
  const fs::path cut_off = temporary_path(folder.path() / "search.h5");
  for (const fs::path& path : {cut_off, folder.path() / "notes", folder.path() / "thesis.tmp"}) {
    replace_file(path, std::string_view("text"));
  }
  first.take_over();
  EXPECT_FALSE(fs::exists(cut_off));
  EXPECT_TRUE(fs::exists(folder.path() / "notes"));
  EXPECT_TRUE(fs::exists(folder.path() / "thesis.tmp")) << "that is somebody else's";
}

/// Whoever may read a file may lock it against its owner.
TEST(FileLock, IsForItsUserAlone) {
  const test::ScratchFolder folder;
  const fs::path lock = folder.path() / "lock";
  { const auto held = FileLock::try_acquire(lock); }
  EXPECT_EQ(mode_of(lock), 0600u);
  fs::permissions(lock, fs::perms(0644));  // one of an earlier version
  const auto held = FileLock::try_acquire(lock);
  EXPECT_EQ(mode_of(lock), 0600u);
  if (::geteuid() != 0) return;
  fs::permissions(folder.path(), fs::perms(0755));
  const int code = in_another_process([&] {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
    return ::open(lock.c_str(), O_RDONLY) < 0 && errno == EACCES ? 0 : 2;
  });
  EXPECT_EQ(code, 0) << "another user can open the lock";
}

}  // namespace
}  // namespace hierevo::core
