#include "tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "text.hpp"

namespace hierevo::spank {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t block = 4096;

[[noreturn]] void refuse_kind(const fs::path& path) {
  throw core::UsageError(fmt::format("'{}' cannot be copied", shown(path.string())),
                         "it is neither a file, a folder nor a symbolic link",
                         "Stage a folder without it.");
}

void add(TreeSize& size, int tree, const fs::path& path, int depth) {
  if (depth > deepest)
    throw core::UsageError(fmt::format("'{}' lies too deep", shown(path.string())),
                           fmt::format("more than {} folders in each other", deepest), "");
  ++size.folders;
  size.on_disk += block;
  for (const Entry& entry : entries_of(tree, path)) {
    if (entry.is_folder()) {
      add(size, open_entry(tree, entry, path / entry.name).get(), path / entry.name, depth + 1);
      continue;
    }
    const auto bytes = static_cast<std::uint64_t>(entry.status.st_size);
    ++size.files;
    size.bytes += bytes;
    size.on_disk += (bytes + block - 1) / block * block;
  }
}

}  // namespace

core::IoError failed(const fs::path& path, std::string_view operation) {
  return core::IoError(shown(path.string()), operation, errno);
}

FolderReader read_folder(int folder, const fs::path& path) {
  // The stream takes its descriptor over, and a copy would share the place that is read at.
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) throw failed(path, "open");
  FolderReader reader(::fdopendir(own));
  if (!reader) {
    ::close(own);
    throw failed(path, "read");
  }
  return reader;
}

const char* next_name(DIR* folder, const fs::path& path) {
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(folder);
    if (entry == nullptr && errno != 0) throw failed(path, "read");
    if (entry == nullptr) return nullptr;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return entry->d_name;
  }
}

std::vector<Entry> entries_of(int folder, const fs::path& path) {
  const FolderReader reader = read_folder(folder, path);
  std::vector<Entry> entries;
  while (const char* name = next_name(reader.get(), path)) {
    Entry entry = {name, {}};
    if (::fstatat(folder, name, &entry.status, AT_SYMLINK_NOFOLLOW) != 0)
      throw failed(path / name, "look at");
    if (!entry.is_file() && !entry.is_folder() && !entry.is_link()) refuse_kind(path / name);
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

core::Descriptor open_entry(int folder, const Entry& entry, const fs::path& path) {
  // Not to wait for a writer, should it have become a pipe.
  constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  core::Descriptor opened(::openat(folder, entry.name.c_str(), flags));
  if (!opened) throw failed(path, "open");
  if ((status_of(opened.get(), path).st_mode & S_IFMT) != (entry.status.st_mode & S_IFMT))
    refuse_kind(path);
  return opened;
}

core::Descriptor open_tree(const fs::path& path) {
  core::Descriptor opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!opened) throw failed(path, "open");
  const auto mode = status_of(opened.get(), path).st_mode;
  if (!S_ISREG(mode) && !S_ISDIR(mode)) refuse_kind(path);
  return opened;
}

struct stat status_of(int descriptor, const fs::path& path) {
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) throw failed(path, "look at");
  return status;
}

TreeSize measure_tree(int tree, const fs::path& path) {
  TreeSize size;
  const struct stat status = status_of(tree, path);
  if (S_ISDIR(status.st_mode)) {
    add(size, tree, path, 0);
    return size;
  }
  size.files = 1;
  size.bytes = static_cast<std::uint64_t>(status.st_size);
  size.on_disk = (size.bytes + block - 1) / block * block;
  return size;
}

}  // namespace hierevo::spank
