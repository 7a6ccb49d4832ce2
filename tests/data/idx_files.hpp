// Makes IDX files, right and wrong ones.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace hierevo::test {

using Bytes = std::vector<std::uint8_t>;

/// `magic` and `shape` as the file has them.
inline Bytes idx_bytes(std::uint32_t magic, const std::vector<std::uint32_t>& shape,
                       const Bytes& values) {
  Bytes file;
  const auto append = [&file](std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      file.push_back(static_cast<std::uint8_t>(number >> shift));
    }
  };
  append(magic);
  for (const std::uint32_t size : shape) append(size);
  file.insert(file.end(), values.begin(), values.end());
  return file;
}

inline Bytes gzipped(const Bytes& plain) {
  const auto require = [](bool works) {
    if (!works) throw std::runtime_error("zlib does not pack");
  };
  z_stream stream{};
  require(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes packed(deflateBound(&stream, plain.size()));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

inline void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("a file of a test cannot be written");
}

}  // namespace hierevo::test
