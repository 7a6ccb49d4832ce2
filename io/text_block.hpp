#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/io/newer_version.hpp"

namespace hierevo::io {

/// What a file of ours holds.
struct FileKind {
  std::string_view word;    ///< the text block begins with "hierevo WORD 1"
  std::string_view format;  ///< the content's attribute `format`
  std::uint32_t version;    ///< of the content, that this program writes
};
inline constexpr FileKind snapshot_kind{"snapshot", "hierevo.search", 1};
inline constexpr FileKind training_kind{"training", "hierevo.training", 1};

inline constexpr int block_version = 1;
inline constexpr std::size_t block_size = 512;

/// A whole file: `content` behind a readable text with its length and checksum, zero-padded.
std::vector<std::byte> with_text_block(std::span<const std::byte> content, const FileKind& kind);

/// Throws CheckpointError unless `file` is a text block and exactly the content it speaks of.
void check_text_block(std::span<const std::byte> file, const std::filesystem::path& path,
                      const FileKind& kind);

/// Names of evolution::Status in the order of their numbers.
std::array<std::string_view, evolution::status_count> status_names();

}  // namespace hierevo::io
