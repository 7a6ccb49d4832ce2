#pragma once

#include <cstdint>
#include <filesystem>

#include "checksummed_header.hpp"
#include "h5.hpp"

namespace hierevo::io {

/// Attributes of / that every hierevo file has: `format`, `version`, `program`. `version`: one that
/// is enough for the content, up to `kind`'s.
void write_format_attributes(hid_t root, const FileKind& kind, std::uint32_t version);

/// Throws h5::Error for another format, NewerVersionError for a version after `kind`'s.
void check_format_attributes(hid_t root, const std::filesystem::path& path, const FileKind& kind);

}  // namespace hierevo::io
