#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdarg>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "support/scratch_folder.hpp"
#include "support/system_call.hpp"
#include "tree.hpp"
#include "tree_copy.hpp"
#include "tree_removal.hpp"

namespace {

/// Called before something is looked at in a folder, or opened there, with a text such as these.
std::function<void(const std::string&)> meanwhile;

void let_happen(const char* what, const char* name) {
  if (meanwhile) meanwhile(std::string(what) + " " + name);
}

}  // namespace

// Replace the system's own.
extern "C" int fstatat(int folder, const char* name, struct stat* status, int flags) noexcept {
  static auto* const real =
      hierevo::test::system_call<int(int, const char*, struct stat*, int)>("fstatat");
  let_happen("look at", name);
  return real(folder, name, status, flags);
}
extern "C" int openat(int folder, const char* name, int flags, ...) {
  static auto* const real = hierevo::test::system_call<int(int, const char*, int, ...)>("openat");
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = hierevo::test::mode_behind(flags, arguments);
  va_end(arguments);
  let_happen("open", name);
  return real(folder, name, flags, mode);
}

namespace hierevo::spank {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class Trees : public testing::Test {
 protected:
  core::Descriptor open(const fs::path& path) {
    core::Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(opened) << path;
    return opened;
  }

  void copy(const fs::path& source) {
    const core::Descriptor target = open(to);
    copy_tree(open_tree(source).get(), source, {target.get(), "copy", to / "copy"});
  }

  template <typename Error>
  std::string failure_of_copying(const fs::path& source) {
    try {
      copy(source);
    } catch (const Error& error) {
      return error.what();
    }
    return "was copied";
  }

  test::ScratchFolder scratch;
  fs::path from = scratch.path() / "from";
  fs::path to = scratch.path() / "to";

  void SetUp() override {
    fs::create_directory(from);
    fs::create_directory(to);
  }
  void TearDown() override { meanwhile = nullptr; }

  /// Once, before the first such call: "look at NAME" or "open NAME".
  static void just_before(const std::string& call, std::function<void()> work) {
    meanwhile = [call, work = std::move(work), done = false](const std::string& seen) mutable {
      if (done || seen != call) return;
      done = true;
      work();
    };
  }
};

void make_socket(const fs::path& path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_LT(path.native().size(), sizeof address.sun_path);
  std::strcpy(address.sun_path, path.c_str());
  const core::Descriptor end(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(end.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

TEST_F(Trees, AFileIsCopiedWithItsExecutableBitAlone) {
  std::string text(9'000'001, ' ');  // some chunks, and a partial one
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 251);
  write(from / "a", text);
  ASSERT_EQ(::chmod((from / "a").c_str(), 06755), 0);
  copy(from / "a");
  EXPECT_TRUE(read(to / "copy") == text);
  EXPECT_EQ(static_cast<int>(fs::status(to / "copy").permissions()), 0700);
}

TEST_F(Trees, AFolderIsCopiedWithAllInIt) {
  write(from / "a", "1");
  write(from / "empty", "");
  write(from / "x/y/z\n", "deep");
  fs::create_directory(from / "nothing");
  fs::create_symlink("/etc/shadow", from / "link");
  copy(from);
  EXPECT_EQ(read(to / "copy/a"), "1");
  EXPECT_EQ(read(to / "copy/empty"), "");
  EXPECT_EQ(read(to / "copy/x/y/z\n"), "deep");
  EXPECT_TRUE(fs::is_empty(to / "copy/nothing"));
  EXPECT_EQ(fs::read_symlink(to / "copy/link"), "/etc/shadow");
  EXPECT_EQ(static_cast<int>(fs::status(to / "copy/x").permissions()), 0700);
}

TEST_F(Trees, ALinkThatIsNamedItselfIsFollowed) {
  write(from / "a", "1");
  fs::create_symlink("a", from / "link");
  copy(from / "link");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(to / "copy")));
}

TEST_F(Trees, PipesSocketsAndDevicesAreRefusedAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo((from / "pipe").c_str(), 0600), 0);
  for (const fs::path& path : {from, from / "pipe"})
    EXPECT_THAT(
        failure_of_copying<core::UsageError>(path),
        HasSubstr("pipe' cannot be copied (it is a named pipe). Stage a folder without it."));
  fs::remove(from / "pipe");
  fs::remove(to / "copy");
  make_socket(from / "socket");
  for (const fs::path& path : {from, from / "socket"})
    EXPECT_THAT(failure_of_copying<core::UsageError>(path),
                HasSubstr("socket' cannot be copied (it is a socket)"));
  EXPECT_THAT(failure_of_copying<core::UsageError>("/dev/zero"),
              HasSubstr("'/dev/zero' cannot be copied (it is a device)"));
}

TEST_F(Trees, WhatGoesWhileItIsLookedAtIsTold) {
  const core::Descriptor folder = open(from);
  const auto measured = [&]() -> std::string {
    try {
      measure_tree(folder.get(), from);
      return "was measured";
    } catch (const core::UsageError& error) {
      return error.what();
    }
  };
  write(from / "file", "1");
  just_before("look at file", [this] { fs::remove(from / "file"); });
  EXPECT_THAT(measured(), HasSubstr("file' changed while it was copied. Stage data that nobody"));
  fs::create_directories(from / "inner");
  just_before("open inner", [this] { fs::remove(from / "inner"); });
  EXPECT_THAT(measured(), HasSubstr("inner' changed while it was copied"));
}

TEST_F(Trees, WhatGoesOrChangesBeforeItIsCopiedIsTold) {
  const std::string why = "a' changed while it was copied. Stage data that nobody writes to.";
  const auto copied_while = [&](std::function<void()> work) {
    fs::remove_all(to / "copy");
    fs::remove(from / "a");
    write(from / "a", "1");
    just_before("open a", std::move(work));
    return failure_of_copying<core::UsageError>(from);
  };
  EXPECT_THAT(copied_while([this] { fs::remove(from / "a"); }), HasSubstr(why));
  EXPECT_THAT(copied_while([this] {
                fs::remove(from / "a");
                fs::create_symlink("z", from / "a");
              }),
              HasSubstr(why));
  EXPECT_THAT(copied_while([this] {
                fs::remove(from / "a");
                ASSERT_EQ(::mkfifo((from / "a").c_str(), 0600), 0);  // nobody writes to it
              }),
              HasSubstr(why));
  EXPECT_THAT(copied_while([this] {
                fs::remove(from / "a");
                make_socket(from / "a");
              }),
              HasSubstr(why));
}

TEST_F(Trees, WhatRunningProgramsHaveIsCounted) {
  write(from / "file", std::string(10, 'x'));
  write(from / "inner/file", std::string(20, 'x'));
  write(from / "passing", "1");
  ASSERT_EQ(::mkfifo((from / "pipe").c_str(), 0600), 0);
  make_socket(from / "socket");
  just_before("look at passing", [this] { fs::remove(from / "passing"); });
  EXPECT_EQ(measure_tree(open(from).get(), from, Purpose::count).bytes, 30u);
  just_before("open inner", [this] { fs::remove_all(from / "inner"); });
  EXPECT_EQ(measure_tree(open(from).get(), from, Purpose::count).bytes, 10u);
}

TEST_F(Trees, FilesWithoutAnEndOrRightsAreNotCopied) {
  // Its size is reported as 0, yet it has something to read.
  EXPECT_THAT(failure_of_copying<core::UsageError>("/proc/self/status"),
              HasSubstr("changed while it was copied"));
  EXPECT_THAT(failure_of_copying<core::IoError>(from / "missing"), HasSubstr("No such file"));
}

TEST_F(Trees, WhatIsThereAlreadyIsNotWrittenOver) {
  write(from / "a", "1");
  fs::create_symlink(scratch.path() / "victim", to / "copy");
  EXPECT_THAT(failure_of_copying<core::IoError>(from / "a"), HasSubstr("File exists"));
  EXPECT_FALSE(fs::exists(scratch.path() / "victim"));
}

TEST_F(Trees, AreMeasuredInBlocks) {
  write(from / "a", std::string(4097, 'x'));
  write(from / "b/c", "1");
  fs::create_symlink("12345", from / "link");
  const TreeSize size = measure_tree(open(from).get(), from);
  EXPECT_EQ(size.files, 3u);
  EXPECT_EQ(size.folders, 2u);
  EXPECT_EQ(size.bytes, 4097u + 1u + 5u);
  EXPECT_EQ(size.on_disk, 4096u * (2 + 1 + 1 + 2));
  EXPECT_EQ(measure_tree(open(from / "a").get(), from).on_disk, 8192u);
}

TEST_F(Trees, DepthHasALimit) {
  fs::path deep = from;
  for (int i = 0; i <= deepest; ++i) deep /= "d";
  fs::create_directories(deep);
  EXPECT_THROW(measure_tree(open(from).get(), from), core::UsageError);
}

TEST_F(Trees, RemovalDoesNotFollowLinks) {
  write(scratch.path() / "kept/file", "1");
  fs::create_directory_symlink(scratch.path() / "kept", from / "link");
  write(from / "a/b/c", "1");
  fs::create_directory_symlink(scratch.path() / "kept", from / "a/b/link");
  remove_contents(open(from).get(), from);
  EXPECT_TRUE(fs::is_empty(from));
  EXPECT_EQ(read(scratch.path() / "kept/file"), "1");
}

TEST_F(Trees, RemovalOpensUpAndGoesToAnyDepth) {
  write(from / "closed/inner/file", "1");
  ASSERT_EQ(::chmod((from / "closed/inner").c_str(), 0), 0);
  ASSERT_EQ(::chmod((from / "closed").c_str(), 0), 0);
  // Deeper than a path or the number of descriptors allows.
  core::Descriptor at = open(from);
  for (int i = 0; i < 1200; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "deep", 0700), 0);
    at = core::Descriptor(::openat(at.get(), "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  remove_contents(open(from).get(), from);
  EXPECT_TRUE(fs::is_empty(from));
}

TEST_F(Trees, RemovalReadsEachFolderOnce) {
  // Two levels of folders that are not empty, the first with many of them.
  int folders = 1;
  for (int i = 0; i < 60; ++i) {
    const fs::path folder = from / std::to_string(i);
    write(folder / "file", "1");
    ++folders;
    for (int k = 0; i % 10 == 0 && k < 5; ++k, ++folders)
      write(folder / std::to_string(k) / "f", "");
  }
  int reads = 0;
  meanwhile = [&](const std::string& call) { reads += call == "open ." ? 1 : 0; };
  remove_contents(open(from).get(), from);
  EXPECT_TRUE(fs::is_empty(from));
  EXPECT_EQ(reads, folders + 1);  // and once at the beginning
}

TEST_F(Trees, RemovalBearsFoldersThatGoMeanwhile) {
  for (const char* name : {"a", "b", "c"}) write(from / name / "file", "1");
  meanwhile = [&, opened = 0](const std::string& call) mutable {
    // The first of the three is entered: all have been found.
    if (call.size() != 6 || ++opened != 1) return;
    for (const char* name : {"a", "b", "c"}) {
      if (!call.ends_with(name)) fs::remove_all(from / name);
    }
  };
  remove_contents(open(from).get(), from);
  EXPECT_TRUE(fs::is_empty(from));
}

}  // namespace
}  // namespace hierevo::spank
