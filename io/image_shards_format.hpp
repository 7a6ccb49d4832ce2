// Names and numbers of image shards, as io/FORMAT.md lists them, and what writer and readers share.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "h5.hpp"
#include "hierevo/io/image_shards.hpp"

namespace hierevo::io {

inline constexpr std::string_view image_shard_format = "hierevo.image-shard";
inline constexpr std::string_view image_index_format = "hierevo.images";
inline constexpr std::uint32_t image_shards_version = 1;

std::string_view name_of(ImagePart part);

/// The tables of a shard, one row per image.
struct ShardTable {
  std::vector<std::uint64_t> offset;  ///< in /bytes
  std::vector<std::uint32_t> length;
  std::vector<std::uint32_t> crc32c;
  std::vector<std::int64_t> label;
  std::vector<std::uint32_t> height;
  std::vector<std::uint32_t> width;

  std::size_t rows() const { return offset.size(); }
  /// CRC-32C of all of it; since each image's is in it, a checksum of the whole shard.
  std::uint32_t checksum() const;
};

/// An open shard, its tables checked against each other.
struct ShardContent {
  ShardInfo info;
  ShardTable table;
  PixelSums sums;
  std::vector<std::string> skipped;
  std::uint64_t bytes_at = 0;  ///< where /bytes begins in the file
};

/// Throws h5::Error. Needs an h5::Session.
void check_image_format(const h5::File& file, std::string_view format);
ShardInfo read_shard_info(const h5::File& file);
ShardContent read_shard(const h5::File& file);

/// A vector with checksums.
template <typename T>
void write_column(hid_t file, const char* name, std::span<const T> values) {
  const std::array<std::size_t, 1> shape = {values.size()};
  h5::write_rows<T>(h5::create_rows<T>(file, name, shape), shape, 0, values);
}

void require_readable_file(const std::filesystem::path& path);
[[noreturn]] void refuse_image_file(const std::filesystem::path& path, const h5::Error& error);

/// Turns the error of `read` (a function) about a bad or missing file into the user's error.
template <typename Read>
auto reading_images(const std::filesystem::path& path, Read&& read) {
  require_readable_file(path);
  try {
    const h5::Session session;
    return read(h5::open_file_at(path.string()));
  } catch (const h5::Error& error) {
    refuse_image_file(path, error);
  }
}

}  // namespace hierevo::io
