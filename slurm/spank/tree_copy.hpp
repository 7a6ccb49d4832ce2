// Copies of files and folders that are known to be whole.
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

/// Copies an open file, or a folder with all in it, to a name that is not there yet; brings it to
/// the disk, and compares the checksums of what was read with those of what the disk gives back.
/// Links are copied as they are; files and folders are their owner's alone, executable where they
/// were. Throws IoError, and UsageError for what changes meanwhile or is no file; a part of the
/// copy is then left.
void copy_tree(int source, const std::filesystem::path& source_path, const CopyTarget& target);

}  // namespace hierevo::spank
