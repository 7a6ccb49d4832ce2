#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace hierevo::data {

/// An array of bytes in the IDX format of MNIST and its relatives: the bytes 0, 0, 8 (unsigned
/// byte) and the number of dimensions, each dimension as a big-endian 32-bit number, the values.
struct IdxArray {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> values;

  /// Where value `index` is in the (unpacked) file.
  std::size_t offset_of(std::size_t index) const { return 4 + 4 * shape.size() + index; }
};

/// Reads an IDX file of `dimensions` dimensions, gzipped when its name ends with ".gz". Throws
/// UsageError that names the file and the offset of what is wrong; offsets count the unpacked file,
/// except where the gzip stream itself is damaged.
IdxArray read_idx(const std::filesystem::path& path, std::size_t dimensions);

}  // namespace hierevo::data
