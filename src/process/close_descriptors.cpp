#include "close_descriptors.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <optional>

namespace hierevo::process {

namespace {

/// The number that is all of a name; nothing of "." and "..".
std::optional<int> number(const char* name) {
  if (name[0] < '0' || name[0] > '9') return std::nullopt;
  return static_cast<int>(std::strtol(name, nullptr, 10));
}

struct Round {
  long bytes = 0;  ///< of entries; 0 at the end, below 0 with errno
  bool closed_any = false;
};

/// Closes those from `first` on that the next entries of the folder name.
Round close_next(int folder, int first) {
  alignas(dirent64) std::array<char, 4096> entries;
  Round round{.bytes = ::syscall(SYS_getdents64, folder, entries.data(), entries.size())};
  for (long at = 0; at < round.bytes;) {
    const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
    const auto descriptor = number(entry->d_name);
    if (descriptor && *descriptor >= first && *descriptor != folder) {
      ::close(*descriptor);
      round.closed_any = true;
    }
    at += entry->d_reclen;
  }
  return round;
}

bool close_those_in_proc_from(int first) {
  ::close(first);  // so that one more can be opened
  const int folder = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  while (true) {
    const Round round = close_next(folder, first);
    if (round.bytes < 0) return false;
    if (round.bytes == 0) break;
    // The kernel may skip entries of a folder that others vanish from.
    if (round.closed_any) ::lseek(folder, 0, SEEK_SET);
  }
  return folder < first || ::close(folder) == 0;
}

}  // namespace

bool close_descriptors_from(int first) {
#ifdef SYS_close_range  // not in the headers of older kernels
  if (::syscall(SYS_close_range, first, UINT_MAX, 0) == 0) return true;
#endif
  return close_those_in_proc_from(first);
}

}  // namespace hierevo::process
