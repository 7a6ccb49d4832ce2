// Edits of HDF5 files as a fuzzer's input describes them. Random bytes of a file find weaknesses of
// the HDF5 library; complete files that say other things find those of hierevo's readers.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "checksummed_header.hpp"

namespace hierevo::fuzz {

/// `file` after the edits that `program` (any bytes) describes, with a valid text block. Nothing
/// when HDF5 cannot write such a file.
std::optional<std::vector<std::byte>> with_edits(const std::vector<std::byte>& file,
                                                 const io::FileKind& kind,
                                                 std::span<const std::byte> program);

/// Makes such edits in a file that has no text block; false when HDF5 cannot open it. On disk: the
/// in-memory image that HDF5 1.10 returns of a file with structure checksums has a wrong one.
bool edit_file_at(const std::filesystem::path& path, std::span<const std::byte> program);

}  // namespace hierevo::fuzz
