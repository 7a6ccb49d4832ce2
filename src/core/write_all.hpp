#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace hierevo::core {

/// Writes all of `contents` to a descriptor of the file `path`. Throws IoError; a part may then be
/// written.
void write_all(int descriptor, const std::filesystem::path& path,
               std::span<const std::byte> contents);

/// Whether `path` is the file that is open: not when that was moved, removed or replaced. Throws
/// IoError when that cannot be known.
bool is_file_at(int descriptor, const std::filesystem::path& path);

}  // namespace hierevo::core
