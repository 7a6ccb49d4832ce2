// A lock that the file system drops without its holder's knowledge.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

namespace hierevo::test {

/// Drops the locks that this process holds on `path`: their holders are not notified, as when a
/// lease has expired.
inline void drop_locks_of(const std::filesystem::path& path) {
  struct stat wanted {};
  if (::stat(path.c_str(), &wanted) != 0) return;
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    struct stat here {};
    if (::fstat(descriptor, &here) != 0) continue;
    if (here.st_ino != wanted.st_ino || here.st_dev != wanted.st_dev) continue;
    struct flock none {};
    none.l_type = F_UNLCK;
    none.l_whence = SEEK_SET;
    ::fcntl(descriptor, F_OFD_SETLK, &none);
  }
}

}  // namespace hierevo::test
