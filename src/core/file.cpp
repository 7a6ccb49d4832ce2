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
#include "is_file_at.hpp"

namespace hierevo::core {

namespace fs = std::filesystem;

namespace {

Descriptor opened(const fs::path& path, int flags, mode_t mode = 0666) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!file) throw IoError(path, "open", errno);
  return file;
}

struct stat status_of(const Descriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw IoError(path, "look at", errno);
  return status;
}

[[noreturn]] void refuse_kind(const fs::path& path, std::string_view operation) {
  throw IoError(path, operation, "it is not a regular file", "");
}

/// A file of hierevo's own, made when needed: a link could lead to any file of the user's.
Descriptor opened_own(const fs::path& path, int flags, mode_t mode) {
  const int own = O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Descriptor file(::open(path.c_str(), flags | own, mode));
  if (!file) {
    const int why = errno;
    std::error_code ignored;
    if (why == ELOOP && fs::is_symlink(fs::symlink_status(path, ignored))) {
      throw IoError(path, "open", "it is a symbolic link", "Remove the link.");
    }
    throw IoError(path, "open", why);
  }
  if (!S_ISREG(status_of(file, path).st_mode)) refuse_kind(path, "open");
  return file;
}

/// A new file, in the place of what a killed process left, or of a link that somebody made: that
/// would lead the contents elsewhere.
Descriptor made(const fs::path& path) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  Descriptor file(::open(path.c_str(), flags, 0666));
  if (!file && errno == EEXIST && ::unlink(path.c_str()) == 0) {
    file = Descriptor(::open(path.c_str(), flags, 0666));
  }
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

namespace {

enum class Sync : std::uint8_t { no, yes };

void write_and_rename(const fs::path& temporary, const fs::path& path,
                      std::span<const std::byte> contents, Sync sync) {
  try {
    Descriptor file = made(temporary);
    write_all(file.get(), temporary, contents);
    if (sync == Sync::yes && ::fsync(file.get()) != 0) throw IoError(temporary, "sync", errno);
    if (!file.close()) throw IoError(temporary, "close", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw IoError(path, "replace", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

fs::path temporary_of_one_writer(const fs::path& path) {
  return path.string() + ".tmp";
}

}  // namespace

void replace_file(const fs::path& path, std::span<const std::byte> contents, Writers writers) {
  const fs::path temporary =
      writers == Writers::one ? temporary_of_one_writer(path) : temporary_path(path);
  write_and_rename(temporary, path, contents, Sync::yes);
  sync_folder_of(path);
}

void replace_file(const fs::path& path, std::string_view contents, Writers writers) {
  replace_file(path, std::as_bytes(std::span(contents.data(), contents.size())), writers);
}

void replace_file_unsynced(const fs::path& path, std::string_view contents) {
  write_and_rename(temporary_of_one_writer(path), path,
                   std::as_bytes(std::span(contents.data(), contents.size())), Sync::no);
}

Descriptor open_to_append(const fs::path& path) {
  return opened_own(path, O_RDWR | O_APPEND, 0666);
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

bool name_is_taken(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::none) throw IoError(path, "look at", error.value());
  return status.type() != fs::file_type::not_found;
}

namespace {

/// Where there are no links either, a look before must do.
void publish_by_link(const fs::path& temporary, const fs::path& path) {
  if (::link(temporary.c_str(), path.c_str()) == 0) {
    ::unlink(temporary.c_str());
    return;
  }
  if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS) throw IoError(path, "make", errno);
  if (name_is_taken(path)) throw IoError(path, "make", EEXIST);
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
      // Whoever writes may be silent for ever: a signal ends the wait.
      if (::poll(&more, 1, -1) < 0) throw IoError(path, "read", errno);
      continue;
    }
    if (count < 0) throw IoError(path, "read", errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path, std::size_t longest, const FileLook& look,
                                 Readable readable) {
  // To open a named pipe that nobody writes to must keep nobody waiting.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file && (errno == ENXIO || errno == ENODEV)) refuse_kind(path, "read");  // such as a socket
  if (!file) throw IoError(path, "open", errno);
  const struct stat status = status_of(file, path);
  if (S_ISDIR(status.st_mode)) throw IoError(path, "read", EISDIR);
  if (readable == Readable::file && !S_ISREG(status.st_mode)) refuse_kind(path, "read");
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

std::string read_text_file(const fs::path& path, std::size_t longest, Readable readable) {
  const auto contents = read_file(path, longest, nullptr, readable);
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
  FileLock lock(opened_own(path, O_RDWR, 0600));
  // One of an earlier version; that of another user stays as it is, and so does a file that has
  // another name too.
  if (status_of(lock.file_, path).st_nlink == 1) ::fchmod(lock.file_.get(), 0600);
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
