#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "image_shard_index.hpp"

namespace hierevo::io {

namespace {

namespace fs = std::filesystem;

core::Descriptor opened(const fs::path& path) {
  core::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw core::UsageError(core::IoError(path, "read", errno).what());
  return file;
}

/// Reads all of `bytes` from `offset` on; returns errno, or 0, or EIO where the file ends before.
int read_at(int file, std::uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return EIO;
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

}  // namespace

struct ShardedImages::Impl {
  struct Shard {
    fs::path path;
    core::Descriptor file;
    std::size_t first = 0;  ///< number of its first image
  };
  std::vector<Shard> shards;
  std::vector<Entry> entries;
};

/// Puts the shards of a part together.
class ShardReader {
 public:
  ShardReader(fs::path folder, const ImageIndex& index)
      : folder_(std::move(folder)), index_(index) {}

  ShardedImages part(ImagePart part, std::size_t shards, std::size_t first_checksum) const {
    ShardedImages images;
    for (std::size_t i = 0; i < shards; ++i) {
      add({part, i, index_.plan.hash}, index_.checksums.at(first_checksum + i), *images.impl_);
    }
    return images;
  }

 private:
  void add(const ShardInfo& expected, std::uint32_t checksum, ShardedImages::Impl& images) const {
    const fs::path path = folder_ / shard_name(expected.part, expected.number);
    require_shard(path, expected);
    const ShardContent shard = reading_images(path, read_shard);
    if (shard.table.checksum() != checksum) {
      throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                             fmt::format("it is not the shard that {} lists", shard_index_name),
                             "Restore the right shard, or pack the images again.");
    }
    const auto number = static_cast<std::uint32_t>(images.shards.size());
    images.shards.push_back({path, opened(path), images.entries.size()});
    const auto& table = shard.table;
    const auto classes = static_cast<std::int64_t>(index_.plan.class_names.size());
    for (std::size_t i = 0; i < table.rows(); ++i) {
      if (table.label[i] < 0 || table.label[i] >= classes) {
        throw core::UsageError(
            fmt::format("Cannot use '{}'", path.string()),
            fmt::format("image {} has label {} of {} classes", i, table.label[i], classes),
            "Pack the images again.");
      }
      images.entries.push_back({shard.bytes_at + table.offset[i], table.length[i], table.crc32c[i],
                                table.height[i], table.width[i],
                                static_cast<std::int32_t>(table.label[i]), number});
    }
  }

  fs::path folder_;
  const ImageIndex& index_;
};

ShardedImages::ShardedImages() : impl_(std::make_unique<Impl>()) {}
ShardedImages::ShardedImages(ShardedImages&&) noexcept = default;
ShardedImages& ShardedImages::operator=(ShardedImages&&) noexcept = default;
ShardedImages::~ShardedImages() = default;

const ShardedImages::Entry& ShardedImages::entry(std::int64_t index) const {
  return impl_->entries.at(static_cast<std::size_t>(index));
}

std::int64_t ShardedImages::size() const {
  return static_cast<std::int64_t>(impl_->entries.size());
}

std::int64_t ShardedImages::label(std::int64_t index) const {
  return entry(index).label;
}

data::ImageSize ShardedImages::image_size(std::int64_t index) const {
  return {entry(index).height, entry(index).width};
}

std::string ShardedImages::name(std::int64_t index) const {
  const auto& shard = impl_->shards[entry(index).shard];
  const std::size_t place = static_cast<std::size_t>(index) - shard.first;
  std::string name = fmt::format("image {}", place);
  try {
    name = reading_images(shard.path, [&](const h5::File& file) {
      return h5::read_fixed_texts(file, "name").at(place);
    });
  } catch (const std::exception&) {
    // The number must do.
  }
  return fmt::format("{}: {}", shard.path.string(), name);
}

void ShardedImages::read(std::int64_t index, std::vector<std::byte>& file) const {
  const Entry& image = entry(index);
  file.resize(image.length);
  const int error = read_at(impl_->shards[image.shard].file.get(), image.offset, file);
  if (error != 0) throw core::IoError(name(index), "read", error);
  if (core::crc32c(file) != image.crc32c) {
    throw core::IoError(name(index), "use", 0,
                        "It is damaged, its checksum is wrong: restore a copy of the shard, or "
                        "remove it and pack the images again.");
  }
}

ImageShards open_image_shards(const fs::path& folder) {
  ImageIndex index = read_image_index(folder);
  const ShardReader reader(folder, index);
  ImageShards images;
  images.train = reader.part(ImagePart::train, index.plan.train_shards, 0);
  images.test = reader.part(ImagePart::test, index.plan.test_shards, index.plan.train_shards);
  std::vector<bool> seen(index.plan.class_names.size(), false);
  for (std::int64_t i = 0; i < images.train.size(); ++i) {
    seen[static_cast<std::size_t>(images.train.label(i))] = true;
  }
  const auto none = std::find(seen.begin(), seen.end(), false);
  if (none != seen.end()) {
    throw core::UsageError(
        fmt::format("Cannot use '{}'", folder.string()),
        fmt::format("class '{}' has no training image",
                    index.plan.class_names[static_cast<std::size_t>(none - seen.begin())]),
        "Pack the images again.");
  }
  images.source = std::move(index.plan.source);
  images.class_names = std::move(index.plan.class_names);
  images.pixel_mean = index.pixel_mean;
  images.pixel_deviation = index.pixel_deviation;
  images.skipped = std::move(index.skipped);
  return images;
}

}  // namespace hierevo::io
