// Removal of files that somebody else created and may still change.
#pragma once

#include <filesystem>

namespace hierevo::spank {

/// Removes the contents of an open folder, whatever its owner put there: links are removed and not
/// followed, unreadable folders are made readable, and there is no limit to the depth. Enters only
/// folders of the same file system, and only by name from their parent. To be called as the owner.
/// Throws IoError if something stays.
void remove_contents(int folder, const std::filesystem::path& path);

}  // namespace hierevo::spank
