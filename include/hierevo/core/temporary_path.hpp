#pragma once

#include <filesystem>

namespace hierevo::core {

/// PATH.HOST.PID.RANDOM.tmp, another one at each call: a file in the folder of `path` that no other
/// process takes for its own, whatever containers share a host's name and number their processes
/// alike, and that nothing left behind stands in the way of. Throws IoError.
std::filesystem::path temporary_path(const std::filesystem::path& path);

/// Whether a file has such a name.
bool is_temporary_path(const std::filesystem::path& path);

}  // namespace hierevo::core
