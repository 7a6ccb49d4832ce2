#include "tree_copy.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <span>
#include <vector>

#include "hierevo/core/hash.hpp"
#include "text.hpp"
#include "tree.hpp"

namespace hierevo::spank {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t chunk = std::size_t{4} << 20;

/// Reads as much as fits, or up to the end of the file.
std::size_t read_chunk(int file, const fs::path& path, std::span<std::byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = ::read(file, buffer.data() + filled, buffer.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw failed(path, "read");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

void write_chunk(int file, const fs::path& path, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw failed(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

/// Copying and reading back walk a tree in the same order, and so agree on the order of checksums.
class Copier {
 public:
  void copy(int source, const fs::path& source_path, const CopyTarget& target) {
    if (S_ISDIR(status_of(source, source_path).st_mode)) {
      copy_folder(source, source_path, target);
    } else {
      copy_file(source, source_path, target);
    }
  }

  const std::vector<std::uint32_t>& checksums() const { return checksums_; }

 private:
  void copy_file(int source, const fs::path& source_path, const CopyTarget& target) {
    const struct stat status = status_of(source, source_path);
    const mode_t mode = (status.st_mode & S_IXUSR) != 0 ? 0700 : 0600;
    const core::Descriptor file(::openat(target.folder, target.name.c_str(),
                                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                         mode));
    if (!file) throw failed(target.path, "create");
    ::posix_fadvise(source, 0, 0, POSIX_FADV_SEQUENTIAL);
    auto left = static_cast<std::uint64_t>(status.st_size);
    while (const std::size_t size = read_chunk(source, source_path, buffer_)) {
      if (size > left) refuse_change(source_path);
      left -= size;
      const auto bytes = std::span(buffer_).first(size);
      checksums_.push_back(core::crc32c(bytes));
      write_chunk(file.get(), target.path, bytes);
    }
    if (left > 0) refuse_change(source_path);
  }

  void copy_folder(int source, const fs::path& source_path, const CopyTarget& target) {
    if (::mkdirat(target.folder, target.name.c_str(), 0700) != 0)
      throw failed(target.path, "create");
    const core::Descriptor folder(::openat(target.folder, target.name.c_str(),
                                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) throw failed(target.path, "open");
    for (const Entry& entry : entries_of(source, source_path)) {
      const fs::path path = source_path / entry.name;
      const CopyTarget inner = {folder.get(), entry.name, target.path / entry.name};
      if (entry.is_link()) {
        copy_link(source, path, inner);
      } else {
        copy(open_entry(source, entry, path).get(), path, inner);
      }
    }
  }

  static void copy_link(int source, const fs::path& source_path, const CopyTarget& target) {
    std::vector<char> text(PATH_MAX);
    const ssize_t size = ::readlinkat(source, target.name.c_str(), text.data(), text.size() - 1);
    if (size < 0 && (errno == ENOENT || errno == EINVAL)) refuse_change(source_path);
    if (size < 0) throw failed(source_path, "read");
    if (::symlinkat(text.data(), target.folder, target.name.c_str()) != 0)
      throw failed(target.path, "create");
  }

  std::vector<std::byte> buffer_ = std::vector<std::byte>(chunk);
  std::vector<std::uint32_t> checksums_;
};

class Verifier {
 public:
  explicit Verifier(const std::vector<std::uint32_t>& checksums) : expected_(checksums) {}

  void verify(int tree, const fs::path& path) {
    if (!S_ISDIR(status_of(tree, path).st_mode)) {
      verify_file(tree, path);
      return;
    }
    for (const Entry& entry : entries_of(tree, path)) {
      if (entry.is_link()) continue;
      verify(open_entry(tree, entry, path / entry.name).get(), path / entry.name);
    }
  }

  void require_all(const fs::path& path) const {
    if (!expected_.empty()) refuse(path);
  }

 private:
  void verify_file(int file, const fs::path& path) {
    // Read from the disk, not from the page cache.
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    while (const std::size_t size = read_chunk(file, path, buffer_)) {
      const auto bytes = std::span(buffer_).first(size);
      if (expected_.empty() || core::crc32c(bytes) != expected_.front()) refuse(path);
      expected_ = expected_.subspan(1);
    }
  }

  [[noreturn]] static void refuse(const fs::path& path) {
    throw core::IoError(shown(path.string()), "use the copy", 0,
                        "It does not read back as it was written: inform your administrator, the "
                        "node's disk may be broken.");
  }

  std::vector<std::byte> buffer_ = std::vector<std::byte>(chunk);
  std::span<const std::uint32_t> expected_;
};

}  // namespace

void copy_tree(int source, const fs::path& source_path, const CopyTarget& target) {
  Copier copier;
  copier.copy(source, source_path, target);
  if (::syncfs(target.folder) != 0) throw failed(target.path, "sync");
  const core::Descriptor copy(
      ::openat(target.folder, target.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!copy) throw failed(target.path, "open");
  Verifier verifier(copier.checksums());
  verifier.verify(copy.get(), target.path);
  verifier.require_all(target.path);
}

}  // namespace hierevo::spank
