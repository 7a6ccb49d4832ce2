#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <string>
#include <vector>

#include "data/jpeg_files.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/data/jpeg_batches.hpp"
#include "hierevo/data/jpeg_files.hpp"

namespace hierevo::test {

/// Pictures in memory, some of which may be made bad.
class MemoryFiles : public data::JpegFiles {
 public:
  explicit MemoryFiles(std::int64_t count) {
    for (unsigned i = 0; i < count; ++i) {
      const unsigned height = 20 + i;
      const auto bytes = jpeg_bytes(height, 30, 3, rough_pixels(height, 30, i));
      const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
      files.emplace_back(data, data + bytes.size());
      sizes.push_back({height, 30});
    }
  }
  std::int64_t size() const override { return std::ssize(files); }
  std::int64_t label(std::int64_t index) const override { return index % 7; }
  data::ImageSize image_size(std::int64_t index) const override { return sizes.at(at(index)); }
  std::string name(std::int64_t index) const override { return fmt::format("picture {}", index); }
  void read(std::int64_t index, std::vector<std::byte>& file) const override {
    ++reads;
    if (gate.valid()) gate.wait();
    if (index == gone) throw core::IoError(name(index), "read", EIO);
    file = files.at(at(index));
  }

  std::vector<std::vector<std::byte>> files;
  std::vector<data::ImageSize> sizes;
  std::int64_t gone = -1;
  std::shared_future<void> gate;  ///< reading waits for it
  mutable std::atomic<int> reads = 0;

 private:
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }
};

/// Crops of `size`×`size` pixels.
inline std::vector<std::uint8_t> pixels_of(const data::DecodedBatch& batch, std::int64_t size) {
  return {batch.pixels.get(), batch.pixels.get() + std::ssize(batch.labels) * size * size * 3};
}

}  // namespace hierevo::test
