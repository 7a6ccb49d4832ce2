#include "tree_removal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "hierevo/core/descriptor.hpp"
#include "tree.hpp"

namespace hierevo::spank {

namespace fs = std::filesystem;

namespace {

/// Identifies a folder even if it is moved.
struct Identity {
  dev_t device;
  ino_t inode;
  bool operator==(const Identity&) const = default;
};

Identity identity_of(int folder, const fs::path& path) {
  const struct stat status = status_of(folder, path);
  return {status.st_dev, status.st_ino};
}

/// The most names of folders that are remembered at once, whatever a user has created: more are
/// found when their parent is read again.
constexpr std::size_t most_names = 100'000;

/// Keeps one descriptor open, whatever the depth: the way back up is "..", and must lead to where
/// the walk came from. A folder is read once, and again for every few thousand non-empty folders in
/// it.
class Removal {
 public:
  Removal(int folder, const fs::path& path) : path_(path) {
    current_ = reopen(folder, ".");
    way_.push_back({.name = "", .identity = identity_of(current_.get(), path_)});
  }

  void run() {
    while (true) {
      Step& here = way_.back();
      if (here.inner.empty() && !here.is_read) remove_files(here);
      if (!here.inner.empty()) {
        const std::string name = std::move(here.inner.back());
        here.inner.pop_back();
        --names_;
        enter(name);
      } else if (way_.size() > 1) {
        leave();
      } else {
        return;
      }
    }
  }

 private:
  struct Step {
    std::string name;
    Identity identity;
    std::vector<std::string> inner = {};  ///< folders in it that were not empty
    bool is_read = false;                 ///< to its end: only `inner` is left
  };

  core::Descriptor reopen(int folder, const char* name) {
    core::Descriptor opened(
        ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) throw failed(path_ / name, "open");
    return opened;
  }

  /// Removes files and empty folders.
  void remove_files(Step& here) {
    // Half of what is left: folders deeper down need some too.
    const std::size_t room = (most_names - std::min(most_names, names_)) / 2 + 1;
    const FolderReader reader = read_folder(current_.get(), path_);
    while (const char* name = next_name(reader.get(), path_)) {
      if (::unlinkat(current_.get(), name, 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR) throw failed(path_ / name, "remove");
      if (::unlinkat(current_.get(), name, AT_REMOVEDIR) == 0) continue;
      here.inner.emplace_back(name);
      ++names_;
      if (here.inner.size() == room) return;
    }
    here.is_read = true;
  }

  void enter(const std::string& name) {
    if (!open_up(name)) return;
    core::Descriptor inner = reopen(current_.get(), name.c_str());
    const Identity identity = identity_of(inner.get(), path_ / name);
    if (identity.device != way_.front().identity.device) {
      errno = EXDEV;
      throw failed(path_ / name, "remove");
    }
    way_.push_back({.name = name, .identity = identity});
    current_ = std::move(inner);
  }

  void leave() {
    const std::string name = way_.back().name;
    way_.pop_back();
    current_ = reopen(current_.get(), "..");
    if (identity_of(current_.get(), path_) != way_.back().identity) {
      errno = ESTALE;  // it was moved
      throw failed(path_ / name, "remove");
    }
    if (::unlinkat(current_.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
      throw failed(path_ / name, "remove");
  }

  /// Through a descriptor: the name might lead elsewhere by now. Returns whether it still exists.
  bool open_up(const std::string& name) {
    const core::Descriptor inner(
        ::openat(current_.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner && errno == ENOENT) return false;
    if (!inner) throw failed(path_ / name, "open");
    if ((status_of(inner.get(), path_ / name).st_mode & S_IRWXU) == S_IRWXU) return true;
    if (::chmod(fmt::format("/proc/self/fd/{}", inner.get()).c_str(), S_IRWXU) != 0)
      throw failed(path_ / name, "open");
    return true;
  }

  fs::path path_;  ///< of the tree: paths deep inside it could have any length
  core::Descriptor current_;
  std::vector<Step> way_;
  std::size_t names_ = 0;  ///< in all steps' `inner`
};

}  // namespace

void remove_contents(int folder, const fs::path& path) {
  Removal(folder, path).run();
}

}  // namespace hierevo::spank
