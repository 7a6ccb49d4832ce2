#pragma once

#include <filesystem>

namespace hierevo::core {

/// Whether `path` is the file that is open: not when that was moved, removed or replaced. Throws
/// IoError when that cannot be known.
bool is_file_at(int descriptor, const std::filesystem::path& path);

}  // namespace hierevo::core
