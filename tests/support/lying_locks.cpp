// To be loaded before the C library (LD_PRELOAD): its file locks do not hold. HIEREVO_TEST_LOCKS
// says how:
//   always    everybody gets every lock, as on file systems whose locks other nodes do not see;
//   sleeping  a lock is lost while its holder is stopped, and another can get it, as where leases
//             expire. Who holds which is kept in the folder HIEREVO_TEST_LOCKS_FOLDER.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "system_call.hpp"

namespace {

/// Whether a process exists, and is not stopped.
bool is_awake(long pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return false;
  char text[512] = {};
  const std::size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  const char* behind_name = size > 0 ? std::strrchr(text, ')') : nullptr;
  return behind_name != nullptr && std::strchr("TtZX", behind_name[2]) == nullptr;
}

/// Calls `act` with the id of the process that holds the lock of this open file, which it may
/// change; one caller at a time.
template <typename Act>
int with_holder(int descriptor, Act&& act) {
  struct stat status {};
  const char* folder = std::getenv("HIEREVO_TEST_LOCKS_FOLDER");
  if (folder == nullptr || ::fstat(descriptor, &status) != 0) return -1;
  char path[4096];
  std::snprintf(path, sizeof path, "%s/%lu", folder, static_cast<unsigned long>(status.st_ino));
  const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::flock(file, LOCK_EX) != 0) return -1;
  char text[32] = {};
  long holder = ::pread(file, text, sizeof text - 1, 0) > 0 ? std::atol(text) : 0;
  const int result = act(holder);
  const int length = std::snprintf(text, sizeof text, "%-20ld", holder);
  if (::pwrite(file, text, static_cast<std::size_t>(length), 0) != length) std::abort();
  ::close(file);
  return result;
}

int lock_of_the_awake(int descriptor, int command, struct flock* range) {
  return with_holder(descriptor, [&](long& holder) {
    const bool another = holder != ::getpid() && is_awake(holder);
    if (command == F_OFD_GETLK) {
      range->l_type = another ? F_WRLCK : F_UNLCK;
    } else if (range->l_type == F_UNLCK) {
      if (!another) holder = 0;
    } else if (another) {
      errno = EAGAIN;
      return -1;
    } else {
      holder = ::getpid();
    }
    return 0;
  });
}

int locked(int descriptor, int command, void* argument) {
  static auto* const real = hierevo::test::system_call<int(int, int, ...)>("fcntl64");
  const char* how = std::getenv("HIEREVO_TEST_LOCKS");
  const bool locks = command == F_OFD_SETLK || command == F_OFD_GETLK;
  if (!locks || how == nullptr) return real(descriptor, command, argument);
  auto* range = static_cast<struct flock*>(argument);
  if (std::strcmp(how, "sleeping") == 0) return lock_of_the_awake(descriptor, command, range);
  if (command == F_OFD_GETLK) range->l_type = F_UNLCK;
  return 0;
}

}  // namespace

extern "C" {

int fcntl(int descriptor, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  return locked(descriptor, command, argument);
}

int fcntl64(int descriptor, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  return locked(descriptor, command, argument);
}

}  // extern "C"
