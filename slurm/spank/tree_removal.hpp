// Removal of what somebody else made and may still change.
#pragma once

#include <filesystem>

namespace hierevo::spank {

/// Removes all that lies in an open folder, whatever its owner put there: links are removed and not
/// followed, folders that may not be read are opened up, and there is no limit to the depth. Goes
/// nowhere but into folders of the same file system that it came from by their names. To be called
/// as the owner. Throws IoError when something stays.
void remove_contents(int folder, const std::filesystem::path& path);

}  // namespace hierevo::spank
