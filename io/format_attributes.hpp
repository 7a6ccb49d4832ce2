#pragma once

#include <filesystem>

#include "checksummed_header.hpp"
#include "h5.hpp"

namespace hierevo::io {

/// Attributes of / that every hierevo file has: `format`, `version`, `program`.
void write_format_attributes(hid_t root, const FileKind& kind);

/// Throws h5::Error for another format, NewerVersionError for a version after `kind`'s.
void check_format_attributes(hid_t root, const std::filesystem::path& path, const FileKind& kind);

}  // namespace hierevo::io
