#include "idx.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "data_file.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::data {

namespace {

namespace fs = std::filesystem;

std::uint32_t big_endian(std::span<const std::byte> file, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8) | std::to_integer<std::uint32_t>(file[offset + i]);
  }
  return value;
}

/// The size of a file by its header, of which only a part may be there; at most one more than the
/// longest.
std::size_t announced_size(std::span<const std::byte> file, std::size_t dimensions) {
  const std::size_t header = 4 + 4 * dimensions;
  std::size_t count = 1;
  for (std::size_t d = 0; d < dimensions && file.size() >= header; ++d) {
    count = std::min(count * big_endian(file, 4 + 4 * d), longest_data_file + 1);
  }
  return header + count;
}

/// Decompresses one gzip stream.
class GzipReader {
 public:
  GzipReader(const fs::path& path, std::span<const std::byte> packed)
      : path_(path), packed_(packed) {
    constexpr int gzip_only = 15 + 16;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) {
      throw core::InternalError("zlib cannot be initialised");
    }
  }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;
  ~GzipReader() { inflateEnd(&stream_); }

  /// Unpacks little more than an array of this many dimensions has by its own header.
  std::vector<std::byte> read(std::size_t dimensions) {
    std::vector<std::byte> unpacked;
    std::vector<std::byte> chunk(std::size_t{1} << 18);
    int state = Z_OK;
    while (state != Z_STREAM_END) {
      if (stream_.avail_in == 0) offer_input();
      stream_.next_out = reinterpret_cast<Bytef*>(chunk.data());
      stream_.avail_out = static_cast<uInt>(chunk.size());
      state = inflate(&stream_, Z_NO_FLUSH);
      if (state == Z_BUF_ERROR) refuse_data_file(path_, offset(), "the gzip stream is truncated");
      if (state != Z_OK && state != Z_STREAM_END) refuse_data_file(path_, offset(), damage());
      const std::size_t count = chunk.size() - stream_.avail_out;
      if (unpacked.size() + count > longest_data_file)
        refuse_data_file(path_, offset(), "it unpacks to more than 2 GiB");
      unpacked.insert(unpacked.end(), chunk.begin(),
                      chunk.begin() + static_cast<std::ptrdiff_t>(count));
      if (unpacked.size() > announced_size(unpacked, dimensions)) return unpacked;
    }
    if (offset() != packed_.size())
      refuse_data_file(path_, offset(), "there is data after the gzip stream");
    return unpacked;
  }

 private:
  std::size_t offset() const { return offered_ - stream_.avail_in; }

  void offer_input() {
    const std::size_t count = std::min(packed_.size() - offered_, std::size_t{1} << 20);
    stream_.next_in = const_cast<Bytef*>(  // zlib does not write to it, though its type allows that
        reinterpret_cast<const Bytef*>(packed_.data() + offered_));
    stream_.avail_in = static_cast<uInt>(count);
    offered_ += count;
  }

  std::string damage() const {
    return fmt::format("damaged gzip stream, {}",
                       stream_.msg != nullptr ? stream_.msg : "unexpected contents");
  }

  const fs::path& path_;
  std::span<const std::byte> packed_;
  std::size_t offered_ = 0;
  z_stream stream_{};
};

}  // namespace

IdxArray read_idx(const fs::path& path, std::size_t dimensions) {
  std::vector<std::byte> file = read_data_file(path);
  if (path.extension() == ".gz") file = GzipReader(path, file).read(dimensions);

  const std::size_t header = 4 + 4 * dimensions;
  if (file.size() < header) {
    refuse_data_file(path, file.size(),
                     fmt::format("the file ends within its header of {} bytes", header));
  }
  const std::uint32_t magic = big_endian(file, 0);
  const std::uint32_t expected = 0x0800 + static_cast<std::uint32_t>(dimensions);
  if (magic != expected) {
    refuse_data_file(path, 0,
                     fmt::format("magic number 0x{:08x}; IDX bytes in {} dimension{} have 0x{:08x}",
                                 magic, dimensions, dimensions == 1 ? "" : "s", expected));
  }
  IdxArray array;
  std::size_t count = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::size_t offset = 4 + 4 * d;
    const std::uint32_t size = big_endian(file, offset);
    if (size == 0) refuse_data_file(path, offset, fmt::format("dimension {} is 0", d + 1));
    // Neither factor exceeds 2^32, so the product cannot overflow.
    count *= size;
    if (count > longest_data_file)
      refuse_data_file(path, offset, "the dimensions make more than 2 GiB");
    array.shape.push_back(size);
  }
  if (file.size() != header + count) {
    refuse_data_file(
        path, std::min(file.size(), header + count),
        fmt::format("{} bytes in total; the header announces {}", file.size(), header + count));
  }
  array.values.resize(count);
  const auto values = std::span(file).subspan(header);
  std::transform(values.begin(), values.end(), array.values.begin(),
                 [](std::byte value) { return std::to_integer<std::uint8_t>(value); });
  return array;
}

}  // namespace hierevo::data
