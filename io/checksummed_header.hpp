#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "hierevo/core/file.hpp"
#include "hierevo/evolution/individual.hpp"
#include "hierevo/io/newer_version.hpp"

namespace hierevo::io {

/// What a hierevo file holds.
struct FileKind {
  std::string_view word;    ///< the text block begins with "hierevo WORD 1"
  std::string_view format;  ///< the content's attribute `format`
  std::uint32_t version;    ///< of the content, the highest that this program reads
  std::size_t longest;      ///< bytes that such a file may have
};
// Some 20 million evaluations, and a network of over a billion parameters.
inline constexpr FileKind snapshot_kind{"snapshot", "hierevo.search", 2, std::size_t{1} << 32};
inline constexpr FileKind training_kind{"training", "hierevo.training", 1, std::size_t{1} << 34};

inline constexpr int block_version = 1;
inline constexpr std::size_t block_size = 512;

/// A whole file: `content` after a readable text with its length and checksum, zero-padded.
std::vector<std::byte> with_checksummed_header(std::span<const std::byte> content,
                                               const FileKind& kind);

/// Throws CheckpointError unless `file` is a text block and exactly the content it describes.
void check_checksummed_header(std::span<const std::byte> file, const std::filesystem::path& path,
                              const FileKind& kind);

/// All bytes of a file that has as many as its text block says. A file that is torn, too long, or
/// of another kind is not read. Throws IoError and CheckpointError.
std::vector<std::byte> read_block_file(const std::filesystem::path& path, const FileKind& kind);

/// core::replace_file(), but a file that read_block_file() would find too long is not written.
/// Throws IoError.
void replace_block_file(const std::filesystem::path& path, const FileKind& kind,
                        std::span<const std::byte> file,
                        core::Writers writers = core::Writers::one);

/// Names of evolution::Status in the order of their numbers.
std::array<std::string_view, evolution::status_count> status_names();

}  // namespace hierevo::io
