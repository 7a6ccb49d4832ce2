#include "tree_removal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hierevo/core/descriptor.hpp"
#include "tree.hpp"

namespace hierevo::spank {

namespace fs = std::filesystem;

namespace {

/// A folder by what cannot be moved to another place.
struct Identity {
  dev_t device;
  ino_t inode;
  bool operator==(const Identity&) const = default;
};

Identity identity_of(int folder, const fs::path& path) {
  const struct stat status = status_of(folder, path);
  return {status.st_dev, status.st_ino};
}

/// One descriptor is open, whatever the depth: the way back up is "..", and must lead to where the
/// walk came from.
class Removal {
 public:
  Removal(int folder, const fs::path& path) : path_(path) {
    current_ = reopen(folder, ".");
    way_.push_back({"", identity_of(current_.get(), path_)});
  }

  void run() {
    while (true) {
      if (const auto inner = remove_files()) {
        enter(*inner);
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
  };

  core::Descriptor reopen(int folder, const char* name) {
    core::Descriptor opened(
        ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) throw failed(path_ / name, "open");
    return opened;
  }

  /// Removes what is no folder; the name of the first folder, when there is one.
  std::optional<std::string> remove_files() {
    const FolderReader reader = read_folder(current_.get(), path_);
    while (const char* name = next_name(reader.get(), path_)) {
      if (::unlinkat(current_.get(), name, 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR) throw failed(path_ / name, "remove");
      if (::unlinkat(current_.get(), name, AT_REMOVEDIR) != 0) return name;
    }
    return std::nullopt;
  }

  void enter(const std::string& name) {
    open_up(name);
    core::Descriptor inner = reopen(current_.get(), name.c_str());
    const Identity identity = identity_of(inner.get(), path_ / name);
    if (identity.device != way_.front().identity.device) {
      errno = EXDEV;
      throw failed(path_ / name, "remove");
    }
    way_.push_back({name, identity});
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

  /// By a descriptor: a name might lead elsewhere by now.
  void open_up(const std::string& name) {
    const core::Descriptor inner(
        ::openat(current_.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner) throw failed(path_ / name, "open");
    if ((status_of(inner.get(), path_ / name).st_mode & S_IRWXU) == S_IRWXU) return;
    if (::chmod(fmt::format("/proc/self/fd/{}", inner.get()).c_str(), S_IRWXU) != 0)
      throw failed(path_ / name, "open");
  }

  fs::path path_;  ///< of the tree: that of what is deep in it would be as long as its user likes
  core::Descriptor current_;
  std::vector<Step> way_;
};

}  // namespace

void remove_contents(int folder, const fs::path& path) {
  Removal(folder, path).run();
}

}  // namespace hierevo::spank
