#include "hierevo/core/append_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::core {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// The exit code of a child that runs `child`.
template <typename Child>
int exit_code_of(Child&& child) {
  const pid_t id = ::fork();
  if (id == 0) ::_exit(child());
  int status = 0;
  ::waitpid(id, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(AppendFile, GrowsAndIsNeverReplaced) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  {
    AppendFile file(path);
    file.append(bytes_of("one "));
    EXPECT_EQ(read_text_file(path), "one ");
    file.append(bytes_of("two"));
  }
  EXPECT_EQ(read_text_file(path), "one two");
  EXPECT_THROW(AppendFile{path}, IoError);
}

TEST(AppendFile, WhatDidNotFitCanBeAppendedLater) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  const std::string large(5000, 'x');
  const int code = exit_code_of([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    AppendFile file(path);
    file.append(bytes_of("begin "));
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit little{4096, limit.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &little);
    try {
      file.append(bytes_of(large));
      return 1;
    } catch (const IoError& error) {
      if (error.system_error() != EFBIG) return 2;
    }
    if (read_text_file(path) != "begin ") return 3;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    file.append(bytes_of(large));
    return 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read_text_file(path), "begin " + large);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they need address space
TEST(AppendFile, NeedsNoThread) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "file";
  const int code = exit_code_of([&] {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t enough = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + (rlim_t{64} << 20);
    const rlimit limit{enough, enough};
    ::setrlimit(RLIMIT_AS, &limit);
    std::mutex held;
    held.lock();
    std::vector<std::thread> threads;
    threads.reserve(1000);
    try {
      while (true) threads.emplace_back([&] { const std::scoped_lock wait(held); });
    } catch (const std::system_error&) {
      // There is room for no other.
    }
    AppendFile file(path);
    file.append(bytes_of("written"));
    file.append(bytes_of(" and synced"));
    ::_exit(0);  // the threads still wait
    return 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read_text_file(path), "written and synced");
}
#endif

}  // namespace
}  // namespace hierevo::core
