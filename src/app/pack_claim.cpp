#include "pack_claim.hpp"

#include <string>
#include <system_error>

#include "hierevo/core/error.hpp"
#include "hierevo/core/temporary_path.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;

/// Whether `path` is a temporary file of the pack `out`: of `out`.old.h5 it is not.
bool is_left_of(const fs::path& out, const fs::path& path) {
  const std::string begin = out.filename().string() + ".";
  const std::string name = path.filename().string();
  std::error_code ignored;
  return name.starts_with(begin) && name.find(".h5.", begin.size()) == std::string::npos &&
         core::is_temporary_path(path) && fs::is_regular_file(fs::symlink_status(path, ignored));
}

}  // namespace

PackClaim::PackClaim(const fs::path& out) : lock_path_(out.string() + ".lock") {
  bool taken = false;
  try {
    lock_ = core::FileLock::try_acquire(lock_path_);
    // Another process may have finished, and removed its lock, in between.
    taken = !lock_ || !lock_->is_of(lock_path_);
  } catch (const core::IoError&) {
    return;  // what keeps the pack from being made will be reported
  }
  if (taken) {
    lock_.reset();
    throw core::InUseError(out, "another process makes it", "",
                           "Wait for it, or choose another --out.");
  }
  const fs::path folder = out.has_parent_path() ? out.parent_path() : fs::path(".");
  for (const fs::path& path : core::entries_of(folder)) {
    std::error_code ignored;
    if (is_left_of(out, path)) fs::remove(path, ignored);
  }
}

PackClaim::~PackClaim() {
  std::error_code ignored;
  if (lock_) fs::remove(lock_path_, ignored);
}

}  // namespace hierevo::app
