#include "hierevo/core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "hierevo/core/error.hpp"
#include "hierevo/core/temporary_path.hpp"
#include "write_all.hpp"

namespace hierevo::core {

namespace fs = std::filesystem;

namespace {

Descriptor opened(const fs::path& path, int flags, mode_t mode = 0666) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!file) throw IoError(path, "open", errno);
  return file;
}

}  // namespace

void write_all(int descriptor, const fs::path& path, std::span<const std::byte> contents) {
  while (!contents.empty()) {
    const ssize_t written = ::write(descriptor, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw IoError(path, "write", errno);
    contents = contents.subspan(static_cast<std::size_t>(written));
  }
}

bool is_file_at(int descriptor, const fs::path& path) {
  struct stat held {};
  struct stat there {};
  if (::fstat(descriptor, &held) != 0) throw IoError(path, "look at", errno);
  if (::stat(path.c_str(), &there) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw IoError(path, "look at", errno);
  }
  return held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

void sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor handle = opened(folder, O_RDONLY | O_DIRECTORY);
  // Some network file systems cannot sync a folder and say EINVAL; the rename is then all there is.
  if (::fsync(handle.get()) != 0 && errno != EINVAL) throw IoError(folder, "sync", errno);
}

void replace_file(const fs::path& path, std::span<const std::byte> contents, Writers writers) {
  const fs::path temporary =
      writers == Writers::one ? fs::path(path.string() + ".tmp") : temporary_path(path);
  try {
    Descriptor file = opened(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    write_all(file.get(), temporary, contents);
    if (::fsync(file.get()) != 0) throw IoError(temporary, "sync", errno);
    if (!file.close()) throw IoError(temporary, "close", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw IoError(path, "replace", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder_of(path);
}

void replace_file(const fs::path& path, std::string_view contents, Writers writers) {
  replace_file(path, std::as_bytes(std::span(contents.data(), contents.size())), writers);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    found.push_back(entry->path());
  }
  std::ranges::sort(found);
  return found;
}

bool path_exists(const fs::path& path) {
  std::error_code error;
  const bool there = fs::exists(path, error);
  if (error) throw IoError(path, "look at", error.value());
  return there;
}

namespace {

/// Where there are no links either, a look before must do.
void publish_by_link(const fs::path& temporary, const fs::path& path) {
  if (::link(temporary.c_str(), path.c_str()) == 0) {
    ::unlink(temporary.c_str());
    return;
  }
  if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS) throw IoError(path, "make", errno);
  if (path_exists(path)) throw IoError(path, "make", EEXIST);
  if (::rename(temporary.c_str(), path.c_str()) != 0) throw IoError(path, "make", errno);
}

}  // namespace

void publish_file(const fs::path& temporary, const fs::path& path) {
  Descriptor file = opened(temporary, O_WRONLY);
  if (::fsync(file.get()) != 0) throw IoError(temporary, "sync", errno);
  if (!file.close()) throw IoError(temporary, "close", errno);
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
    // Some network file systems do not know this kind of rename, but links, which never replace.
    if (errno != EINVAL && errno != ENOSYS) throw IoError(path, "make", errno);
    publish_by_link(temporary, path);
  }
  sync_folder_of(path);
}

namespace {

/// Fills `chunk` unless the file ends before: a file system (FUSE), or a pipe, may give less at
/// once than there is. Gives the number of bytes.
std::size_t fill(std::span<std::byte> chunk, int file, const fs::path& path) {
  std::size_t filled = 0;
  while (filled < chunk.size()) {
    const ssize_t count = ::read(file, chunk.data() + filled, chunk.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      pollfd more{file, POLLIN, 0};
      ::poll(&more, 1, -1);
      continue;
    }
    if (count < 0) throw IoError(path, "read", errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path, std::size_t longest, const FileLook& look) {
  // A named pipe that nobody writes to is empty, and keeps nobody waiting.
  const Descriptor file = opened(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw IoError(path, "read", errno);
  if (S_ISDIR(status.st_mode)) throw IoError(path, "read", EISDIR);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > longest) throw IoError(path, "read", EFBIG);
  std::vector<std::byte> contents;
  std::vector<std::byte> chunk(std::size_t{1} << 16);
  while (true) {
    const std::size_t count = fill(chunk, file.get(), path);
    if (count == 0) return contents;
    contents.insert(contents.end(), chunk.begin(), chunk.begin() + std::ptrdiff_t(count));
    if (contents.size() > longest) throw IoError(path, "read", EFBIG);
    if (look && look(contents, size) == ReadOn::no) return contents;
    if (count < chunk.size()) return contents;
    contents.reserve(size);  // once it is known to be wanted
  }
}

std::string read_text_file(const fs::path& path, std::size_t longest) {
  const auto contents = read_file(path, longest);
  return {reinterpret_cast<const char*>(contents.data()), contents.size()};
}

namespace {

/// An exclusive lock of the whole file, owned by the open file (not, as POSIX locks of old, by the
/// process), which unlike flock() can be asked about without being taken.
struct flock whole_file() {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

constexpr std::string_view lock_suggestion =
    "Put the run directory on a file system with locks (on Lustre: mount it with -o flock).";

}  // namespace

std::optional<FileLock> FileLock::try_acquire(const fs::path& path) {
  FileLock lock(opened(path, O_RDWR | O_CREAT, 0600));
  // One of an earlier version; that of another user stays as it is.
  ::fchmod(lock.file_.get(), 0600);
  struct flock range = whole_file();
  if (::fcntl(lock.file_.get(), F_OFD_SETLK, &range) == 0) return lock;
  if (errno == EAGAIN || errno == EACCES) return std::nullopt;
  throw IoError(path, "lock", errno, lock_suggestion);
}

bool FileLock::renew() const {
  struct flock range = whole_file();
  return ::fcntl(file_.get(), F_OFD_SETLK, &range) == 0 || (errno != EAGAIN && errno != EACCES);
}

bool FileLock::held_elsewhere(const fs::path& path) {
  const Descriptor file = opened(path, O_RDONLY | O_NONBLOCK);
  struct flock range = whole_file();
  if (::fcntl(file.get(), F_OFD_GETLK, &range) != 0) {
    throw IoError(path, "ask for the lock of", errno, lock_suggestion);
  }
  return range.l_type != F_UNLCK;
}

bool FileLock::is_of(const fs::path& path) const {
  return is_file_at(file_.get(), path);
}

}  // namespace hierevo::core
