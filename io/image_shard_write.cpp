#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/version.hpp"
#include "image_shards_format.hpp"
#include "new_file.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

namespace fs = std::filesystem;

void write_head(const h5::File& file, const ShardInfo& info) {
  h5::write_fixed_text_attribute(file, "format", image_shard_format);
  h5::write_attribute<std::uint32_t>(file, "version", image_shards_version);
  h5::write_fixed_text_attribute(file, "program", core::version());
  h5::write_fixed_text_attribute(file, "part", name_of(info.part));
  h5::write_attribute<std::uint32_t>(file, "number", static_cast<std::uint32_t>(info.number));
  h5::write_attribute<std::uint64_t>(file, "plan", info.plan);
}

void write_table(const h5::File& file, const ShardTable& table) {
  write_column<std::uint64_t>(file, "offset", table.offset);
  write_column<std::uint32_t>(file, "length", table.length);
  write_column<std::uint32_t>(file, "crc32c", table.crc32c);
  write_column<std::int64_t>(file, "label", table.label);
  write_column<std::uint32_t>(file, "height", table.height);
  write_column<std::uint32_t>(file, "width", table.width);
}

}  // namespace

void PixelSums::add(std::span<const std::uint8_t> rgb) {
  pixels += rgb.size() / 3;
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    sum[i % 3] += rgb[i];
    squares[i % 3] += std::uint64_t{rgb[i]} * rgb[i];
  }
}

void PixelSums::add(const PixelSums& other) {
  pixels += other.pixels;
  for (std::size_t c = 0; c < 3; ++c) {
    sum[c] += other.sum[c];
    squares[c] += other.squares[c];
  }
}

struct ImageShardWriter::Impl {
  NewFile file;
  std::optional<h5::Dataset> bytes;
  std::size_t capacity;
  std::size_t used = 0;
  ShardTable table;
  std::vector<std::string> names;

  Impl(fs::path path, std::size_t size) : file(std::move(path)), capacity(size) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    const h5::Session session;
    bytes.reset();
  }

  /// Zeros after the last image, where some were left out.
  void fill_up() {
    const std::vector<std::byte> zeros(std::min(capacity - used, std::size_t{1} << 20));
    while (used < capacity) {
      const std::size_t count = std::min(zeros.size(), capacity - used);
      h5::write_bytes(*bytes, used, std::span(zeros).first(count));
      used += count;
    }
  }
};

ImageShardWriter::ImageShardWriter(const fs::path& folder, const ShardInfo& info, std::size_t bytes)
    : impl_(std::make_unique<Impl>(folder / shard_name(info.part, info.number), bytes)) {
  impl_->file.write([&](const h5::File& file) {
    write_head(file, info);
    impl_->bytes.emplace(h5::create_bytes(file, "bytes", bytes));
  });
}

ImageShardWriter::~ImageShardWriter() = default;

void ImageShardWriter::append(ShardImage image, std::span<const std::byte> file) {
  Impl& impl = *impl_;
  if (file.empty() || file.size() > impl.capacity - impl.used ||
      file.size() > std::numeric_limits<std::uint32_t>::max() || image.label < 0) {
    throw core::InternalError("an image that was not announced");
  }
  impl.file.write([&](const h5::File&) { h5::write_bytes(*impl.bytes, impl.used, file); });
  impl.table.offset.push_back(impl.used);
  impl.table.length.push_back(static_cast<std::uint32_t>(file.size()));
  impl.table.crc32c.push_back(core::crc32c(file));
  impl.table.label.push_back(image.label);
  impl.table.height.push_back(image.height);
  impl.table.width.push_back(image.width);
  impl.names.push_back(to_utf8(image.name));
  impl.used += file.size();
}

void ImageShardWriter::finish(const PixelSums& sums, std::span<const std::string> skipped) {
  Impl& impl = *impl_;
  if (impl.names.empty()) throw core::InternalError("a shard needs images");
  impl.file.write([&](const h5::File& file) {
    impl.fill_up();
    write_table(file, impl.table);
    h5::write_fixed_texts(file, "name", impl.names);
    if (!skipped.empty()) h5::write_fixed_texts(file, "skipped", to_utf8(skipped));
    std::vector<std::uint64_t> all = {sums.pixels};
    all.insert(all.end(), sums.sum.begin(), sums.sum.end());
    all.insert(all.end(), sums.squares.begin(), sums.squares.end());
    write_column<std::uint64_t>(file, "sample", all);
    impl.bytes.reset();
  });
  impl.file.publish();
}

}  // namespace hierevo::io
