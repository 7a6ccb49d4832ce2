// Who makes a pack.
#pragma once

#include <filesystem>
#include <optional>

#include "hierevo/core/file.hpp"

namespace hierevo::app {

/// While one lives, no other process that asks for one makes the pack `out`. Removes what killed
/// processes left of it, unless the file system has no locks: then it may be another's work.
class PackClaim {
 public:
  /// Throws InUseError when another process makes it.
  explicit PackClaim(const std::filesystem::path& out);
  PackClaim(const PackClaim&) = delete;
  PackClaim& operator=(const PackClaim&) = delete;
  ~PackClaim();

 private:
  std::filesystem::path lock_path_;
  std::optional<core::FileLock> lock_;
};

}  // namespace hierevo::app
