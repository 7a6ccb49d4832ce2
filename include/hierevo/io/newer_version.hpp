#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "hierevo/core/error.hpp"

namespace hierevo::io {

/// A file that this program is too old for. Earlier snapshots are no substitute for it.
class NewerVersionError : public core::CheckpointError {
 public:
  /// `writer` is the version of the program that wrote it, or empty if unknown.
  NewerVersionError(const std::filesystem::path& path, std::string_view writer,
                    std::uint64_t found_version, std::uint64_t known_version);
};

}  // namespace hierevo::io
