#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <string>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/nn/jpeg_files.hpp"
#include "nn/jpeg_files.hpp"

namespace hierevo::nn::test {

/// Pictures in memory, some of which may be made bad.
class MemoryFiles : public JpegFiles {
 public:
  explicit MemoryFiles(std::int64_t count) {
    for (unsigned i = 0; i < count; ++i) {
      const unsigned height = 20 + i;
      const auto bytes =
          hierevo::test::jpeg_bytes(height, 30, 3, hierevo::test::rough_pixels(height, 30, i));
      const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
      files.emplace_back(data, data + bytes.size());
      sizes.push_back({height, 30});
    }
  }
  std::int64_t size() const override { return std::ssize(files); }
  std::int64_t label(std::int64_t index) const override { return index % 7; }
  PictureSize picture(std::int64_t index) const override { return sizes.at(at(index)); }
  std::string name(std::int64_t index) const override { return fmt::format("picture {}", index); }
  void read(std::int64_t index, std::vector<std::byte>& file) const override {
    ++reads;
    if (gate.valid()) gate.wait();
    if (index == gone) throw core::IoError(name(index), "read", EIO);
    file = files.at(at(index));
  }

  std::vector<std::vector<std::byte>> files;
  std::vector<PictureSize> sizes;
  std::int64_t gone = -1;
  std::shared_future<void> gate;  ///< which reading waits for
  mutable std::atomic<int> reads = 0;

 private:
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }
};

}  // namespace hierevo::nn::test
