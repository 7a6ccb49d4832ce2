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

std::string_view kind_text(mode_t mode) {
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "neither a file, a folder nor a symbolic link";
}

[[noreturn]] void refuse_kind(const fs::path& path, mode_t mode) {
  throw core::UsageError(fmt::format("'{}' cannot be copied", shown(path.string())),
                         fmt::format("it is {}", kind_text(mode)), "Stage a folder without it.");
}

/// Whether this error means that something has just disappeared or changed its type.
bool means_change(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO || error == ESTALE;
}

/// Nothing if it has disappeared or changed its type since it was listed.
core::Descriptor open_if_there(int folder, const Entry& entry, const fs::path& path) {
  // O_NONBLOCK: it may have become a pipe.
  constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  core::Descriptor opened(::openat(folder, entry.name.c_str(), flags));
  if (!opened && !means_change(errno)) throw failed(path, "open");
  if (!opened) return opened;
  const mode_t mode = status_of(opened.get(), path).st_mode;
  if ((mode & S_IFMT) != (entry.status.st_mode & S_IFMT)) opened.reset();
  return opened;
}

class Measuring {
 public:
  explicit Measuring(Purpose purpose) : purpose_(purpose) {}

  void add_folder(int folder, const fs::path& path, int depth) {
    if (depth > deepest)
      throw core::UsageError(fmt::format("'{}' is nested too deeply", shown(path.string())),
                             fmt::format("in more than {} folders", deepest), "");
    ++size_.folders;
    size_.on_disk += block;
    for (const Entry& entry : entries_of(folder, path, purpose_)) {
      if (!entry.is_folder()) {
        add_file(entry.status);
      } else if (const auto inner = open_if_there(folder, entry, path / entry.name)) {
        add_folder(inner.get(), path / entry.name, depth + 1);
      } else if (purpose_ == Purpose::copy) {
        refuse_change(path / entry.name);
      }
    }
  }

  void add_file(const struct stat& status) {
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    ++size_.files;
    size_.bytes += bytes;
    size_.on_disk += (bytes + block - 1) / block * block;
  }

  const TreeSize& size() const { return size_; }

 private:
  Purpose purpose_;
  TreeSize size_;
};

}  // namespace

core::IoError failed(const fs::path& path, std::string_view operation) {
  return core::IoError(shown(path.string()), operation, errno);
}

void refuse_change(const fs::path& path) {
  throw core::UsageError(fmt::format("'{}' changed while it was copied", shown(path.string())), "",
                         "Stage data that nobody writes to.");
}

FolderReader read_folder(int folder, const fs::path& path) {
  // The stream takes ownership of its descriptor, and a duplicate would share the read position.
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

std::vector<Entry> entries_of(int folder, const fs::path& path, Purpose purpose) {
  const FolderReader reader = read_folder(folder, path);
  std::vector<Entry> entries;
  while (const char* name = next_name(reader.get(), path)) {
    Entry entry = {name, {}};
    if (::fstatat(folder, name, &entry.status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (!means_change(errno)) throw failed(path / name, "inspect");
      if (purpose == Purpose::copy) refuse_change(path / name);
    } else if (entry.is_file() || entry.is_folder() || entry.is_link()) {
      entries.push_back(std::move(entry));
    } else if (purpose == Purpose::copy) {
      refuse_kind(path / name, entry.status.st_mode);
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

core::Descriptor open_entry(int folder, const Entry& entry, const fs::path& path) {
  core::Descriptor opened = open_if_there(folder, entry, path);
  if (!opened) refuse_change(path);
  return opened;
}

core::Descriptor open_tree(const fs::path& path) {
  // Checked first: a socket cannot be opened, and opening a device or pipe may have effects.
  struct stat status = {};
  const auto refuse_odd_kind = [&] {
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) refuse_kind(path, status.st_mode);
  };
  if (::stat(path.c_str(), &status) == 0) refuse_odd_kind();
  core::Descriptor opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!opened) throw failed(path, "open");
  status = status_of(opened.get(), path);
  refuse_odd_kind();
  return opened;
}

struct stat status_of(int descriptor, const fs::path& path) {
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) throw failed(path, "inspect");
  return status;
}

TreeSize measure_tree(int tree, const fs::path& path, Purpose purpose) {
  Measuring measuring(purpose);
  const struct stat status = status_of(tree, path);
  if (S_ISDIR(status.st_mode)) {
    measuring.add_folder(tree, path, 0);
  } else {
    measuring.add_file(status);
  }
  return measuring.size();
}

}  // namespace hierevo::spank
