#pragma once

#include <chrono>
#include <filesystem>
#include <span>
#include <string_view>

#include "hierevo/core/file.hpp"

namespace hierevo::core {

/// A folder that one process works in at a time.
struct Claim {
  std::string_view what;                      ///< "run directory"
  std::string_view option;                    ///< that names the folder: "--run"
  std::span<const std::string_view> markers;  ///< files of which one is in every such folder
};

/// Makes the folder when it is not there, and holds it until the lock is destroyed. Throws
/// InUseError when another process holds it, for longer than `patience`, and CheckpointError when it
/// has files but none of the markers: nothing is written between files of somebody else's. Throws IoError
/// when it cannot be used.
FileLock claim_directory(const std::filesystem::path& path, const Claim& claim,
                         std::chrono::milliseconds patience = {});

/// Throws IoError when the folder is no longer the one that `lock` holds: moved, removed or made
/// anew, maybe for another process.
void require_claimed(const std::filesystem::path& path, const Claim& claim, const FileLock& lock);

/// Throws IoError when the folder, which is not there, could not be made either. Writes nothing.
void require_makeable(const std::filesystem::path& path, const Claim& claim);

/// Whether some process holds the folder at this moment. Also for folders of other kinds: false.
bool directory_claimed(const std::filesystem::path& path);

}  // namespace hierevo::core
