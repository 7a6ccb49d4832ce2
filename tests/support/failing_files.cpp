// The checked inline forms of open() would conflict with a function of that name.
#undef _FORTIFY_SOURCE

#include "support/failing_files.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "support/system_call.hpp"

namespace hierevo::test {

namespace {

constexpr int crash_code = 42;

struct Plan {
  FileFault fault{};
  std::size_t nth = 0;  // none
  std::size_t calls = 0;
};
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): system calls have no object
thread_local Plan plan;
std::atomic<bool> syncs_fail = false;
std::atomic<int> failed_syncs = 0;

/// Whether a call needs room on the disk.
enum class Needs { room, nothing };

enum class Outcome { works, fails, half };

/// What the present call does; sets errno when it fails.
Outcome next_call(Needs needs) {
  if (plan.nth == 0) return Outcome::works;
  const std::size_t call = ++plan.calls;
  if (call < plan.nth) return Outcome::works;
  const bool first = call == plan.nth;
  switch (plan.fault) {
    case FileFault::error:
      errno = EIO;
      return first ? Outcome::fails : Outcome::works;
    case FileFault::broken:
      errno = EIO;
      return Outcome::fails;
    case FileFault::full:
      if (needs == Needs::nothing) return Outcome::works;
      errno = ENOSPC;
      return first ? Outcome::half : Outcome::fails;
    case FileFault::crash:
      return Outcome::half;
  }
  return Outcome::works;
}

/// The same for calls that cannot be done partially.
bool may_go_on(Needs needs) {
  const Outcome outcome = next_call(needs);
  if (outcome == Outcome::half && plan.fault == FileFault::crash) ::_exit(crash_code);
  return outcome == Outcome::works;
}

}  // namespace

FailingFiles::FailingFiles(std::size_t nth, FileFault fault) {
  plan = {fault, nth, 0};
}
FailingFiles::~FailingFiles() {
  plan = {};
}
bool FailingFiles::reached() const {
  return plan.calls >= plan.nth;
}

FailingSyncs::FailingSyncs() {
  failed_syncs = 0;
  syncs_fail = true;
}
FailingSyncs::~FailingSyncs() {
  syncs_fail = false;
}

void FailingSyncs::wait_for(int count) const {
  for (int failed = failed_syncs; failed < count; failed = failed_syncs) failed_syncs.wait(failed);
}

bool crashes_at(std::size_t nth, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no child process");
  if (child == 0) {
    try {
      const FailingFiles failing(nth, FileFault::crash);
      work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == crash_code) return true;
  if (status != 0) throw std::runtime_error("the child process ended in another way");
  return false;
}

}  // namespace hierevo::test

// The functions that replace the system's.
using namespace hierevo::test;

extern "C" {

int open(const char* path, int flags, ...) {
  static auto* const forward = system_call<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_behind(flags, arguments);
  va_end(arguments);
  const bool makes = (flags & O_CREAT) != 0;
  return may_go_on(makes ? Needs::room : Needs::nothing) ? forward(path, flags, mode) : -1;
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  static auto* const forward = system_call<ssize_t(int, const void*, std::size_t)>("write");
  const Outcome outcome = next_call(Needs::room);
  if (outcome == Outcome::fails) return -1;
  const ssize_t written = forward(descriptor, bytes, outcome == Outcome::half ? count / 2 : count);
  if (outcome == Outcome::half && plan.fault == FileFault::crash) ::_exit(crash_code);
  return written;
}

/// HDF5 writes with this.
ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  static auto* const forward = system_call<ssize_t(int, const void*, std::size_t, off_t)>("pwrite");
  const Outcome outcome = next_call(Needs::room);
  if (outcome == Outcome::fails) return -1;
  const std::size_t some = outcome == Outcome::half ? count / 2 : count;
  const ssize_t written = forward(descriptor, bytes, some, offset);
  if (outcome == Outcome::half && plan.fault == FileFault::crash) ::_exit(crash_code);
  return written;
}

int fsync(int descriptor) {
  static auto* const forward = system_call<int(int)>("fsync");
  return may_go_on(Needs::nothing) ? forward(descriptor) : -1;
}

int fdatasync(int descriptor) {
  static auto* const forward = system_call<int(int)>("fdatasync");
  if (syncs_fail) {
    ++failed_syncs;
    failed_syncs.notify_all();
    errno = EIO;
    return -1;
  }
  return may_go_on(Needs::nothing) ? forward(descriptor) : -1;
}

int ftruncate(int descriptor, off_t length) noexcept {
  static auto* const forward = system_call<int(int, off_t)>("ftruncate");
  return may_go_on(Needs::nothing) ? forward(descriptor, length) : -1;
}

/// Closes even when it fails, as the system does.
int close(int descriptor) {
  static auto* const forward = system_call<int(int)>("close");
  const bool works = may_go_on(Needs::nothing);
  const int error = errno;
  const int closed = forward(descriptor);
  if (works) return closed;
  errno = error;
  return -1;
}

int rename(const char* from, const char* to) noexcept {
  static auto* const forward = system_call<int(const char*, const char*)>("rename");
  return may_go_on(Needs::room) ? forward(from, to) : -1;
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  static auto* const forward =
      system_call<int(int, const char*, int, const char*, unsigned)>("renameat2");
  return may_go_on(Needs::room) ? forward(from_folder, from, to_folder, to, flags) : -1;
}

int link(const char* from, const char* to) noexcept {
  static auto* const forward = system_call<int(const char*, const char*)>("link");
  return may_go_on(Needs::room) ? forward(from, to) : -1;
}

int unlink(const char* path) noexcept {
  static auto* const forward = system_call<int(const char*)>("unlink");
  return may_go_on(Needs::nothing) ? forward(path) : -1;
}

}  // extern "C"
