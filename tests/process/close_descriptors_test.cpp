#include "close_descriptors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace hierevo::process {
namespace {

constexpr long close_range_number = 436;  // not in the headers of older kernels

/// From here on the kernel says, as older ones do, that it does not know close_range().
bool forget_close_range() {
  std::array<sock_filter, 4> steps = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, close_range_number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{steps.size(), steps.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 &&
         ::syscall(close_range_number, 9, 9, 0) == -1 && errno == ENOSYS;
}

/// The exit code of a process of its own that does this.
int code_of(int (*action)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(action());
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool is_open(int descriptor) {
  return ::fcntl(descriptor, F_GETFD) >= 0;
}

constexpr int first = 20;
constexpr int last = 600;  // more than the kernel names at once

/// 0 when all from `first` on were closed and no others.
int close_many() {
  for (int descriptor = 3; descriptor <= last; ++descriptor) {
    if (descriptor % 7 != 0) ::dup2(STDERR_FILENO, descriptor);  // with gaps
  }
  if (!is_open(first) || !is_open(last)) return 1;
  if (!close_descriptors_from(first)) return 2;
  for (int descriptor = 3; descriptor <= last; ++descriptor) {
    if (descriptor % 7 != 0 && is_open(descriptor) != (descriptor < first)) return 3;
  }
  return is_open(0) ? 0 : 4;
}

constexpr int no_filter = 9;  // this machine refuses seccomp

TEST(CloseDescriptors, ClosesAllFromOneOn) {
  EXPECT_EQ(code_of(close_many), 0);
}

TEST(CloseDescriptors, DoesSoWhereTheKernelDoesNotKnowTheCall) {
  const int code = code_of([] { return forget_close_range() ? close_many() : no_filter; });
  if (code == no_filter) GTEST_SKIP() << "no seccomp";
  EXPECT_EQ(code, 0);
}

TEST(CloseDescriptors, SaysThatItCannotKnowWhichAreOpen) {
  const int code = code_of([] {
    if (!forget_close_range()) return no_filter;
    const rlimit none{0, 0};  // so that nothing can be opened
    ::setrlimit(RLIMIT_NOFILE, &none);
    return !close_descriptors_from(first) && errno == EMFILE ? 0 : 1;
  });
  if (code == no_filter) GTEST_SKIP() << "no seccomp";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace hierevo::process
