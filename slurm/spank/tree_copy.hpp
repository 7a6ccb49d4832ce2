// Verified copies of files and folders.
#pragma once

#include <filesystem>
#include <string>

namespace hierevo::spank {

/// Where a copy goes: a name in an open folder, and its path for messages.
struct CopyTarget {
  int folder;
  std::string name;
  std::filesystem::path path;
};

/// Copies an open file, or a folder with its contents, to a name that does not exist yet; syncs it
/// to the disk, and compares the checksums of what was read with those of what the disk returns.
/// Links are copied as they are; files and folders are accessible to their owner alone, executable
/// if they were. Throws IoError, and UsageError if something changes meanwhile or is not a file; a
/// part of the copy is then left.
void copy_tree(int source, const std::filesystem::path& source_path, const CopyTarget& target);

}  // namespace hierevo::spank
