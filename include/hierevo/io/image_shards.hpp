#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hierevo/data/jpeg_files.hpp"

namespace hierevo::io {

/// A folder of JPEG files in HDF5 shards (io/FORMAT.md, "Image shards"): for data sets that do not
/// fit into memory as pixels. Shards are written one by one, by any number of processes at once;
/// the index is written when all exist, and makes the folder a data set.
enum class ImagePart : std::uint8_t { train, test };

/// "train-00003.h5"
std::string shard_name(ImagePart part, std::size_t number);
/// Name of the index in the folder.
inline constexpr const char* shard_index_name = "index.h5";
/// Readers keep all shards open.
inline constexpr std::size_t most_shards = 512;

/// Exact sums over the pixels of some images, red, green and blue.
struct PixelSums {
  std::uint64_t pixels = 0;
  std::array<std::uint64_t, 3> sum{};
  std::array<std::uint64_t, 3> squares{};

  /// Adds `rgb`, [pixels, 3].
  void add(std::span<const std::uint8_t> rgb);
  /// Adds the sums over other images.
  void add(const PixelSums& other);
};

/// What a shard says besides its images.
struct ShardInfo {
  ImagePart part = ImagePart::train;
  std::size_t number = 0;
  std::uint64_t plan = 0;  ///< hash of all that shards are made from: equal within a folder
};

/// One image of a shard.
struct ShardImage {
  std::string name;  ///< where it was in its part's folder: "n01440764/n01440764_18.JPEG"
  std::int64_t label = 0;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
};

/// Writes a shard. Until finish() there is only a temporary file beside it, which the destructor
/// removes. Throws IoError when the file cannot be written. Belongs to one thread.
class ImageShardWriter {
 public:
  /// For images with `bytes` bytes in total, or fewer if some turn out to be broken.
  ImageShardWriter(const std::filesystem::path& folder, const ShardInfo& info, std::size_t bytes);
  ImageShardWriter(const ImageShardWriter&) = delete;
  ImageShardWriter& operator=(const ImageShardWriter&) = delete;
  ~ImageShardWriter();

  /// `file` is a whole JPEG file.
  void append(ShardImage image, std::span<const std::byte> file);
  /// Syncs the file and gives it its name; where a shard of that name already exists, another
  /// process was faster. `sums` are over some of the images; `skipped` names those left out.
  void finish(const PixelSums& sums, std::span<const std::string> skipped);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What the shards of a folder are made from.
struct ShardPlan {
  std::string source;                    ///< for people to read
  std::vector<std::string> class_names;  ///< in the order of the labels
  std::size_t train_shards = 0;
  std::size_t test_shards = 0;
  std::uint64_t hash = 0;  ///< ShardInfo::plan
};

/// Throws UsageError unless the file is a shard of this plan, part and number. Reads only a little.
void require_shard(const std::filesystem::path& path, const ShardInfo& expected);

/// A file that a shard is made from.
struct SourceImage {
  std::string name;       ///< as ShardImage::name
  std::size_t bytes = 0;  ///< its length now
};

/// Throws UsageError where an image in the shard has another length than its source, or has none.
/// `sources` are in the order of the shard, which may have left some out.
void require_images(const std::filesystem::path& path, std::span<const SourceImage> sources);

/// Reads the tables of all shards, which must exist, and writes the index; an existing index stays
/// as it is. Throws UsageError for shards that cannot be used, and for a class without a training
/// image.
void write_shard_index(const std::filesystem::path& folder, const ShardPlan& plan);

/// Whether the folder has an index.
bool is_shard_folder(const std::filesystem::path& folder);

/// The images of a part, to be read from disk one by one.
class ShardedImages final : public data::JpegFiles {
 public:
  /// Without images, to be assigned to.
  ShardedImages();
  ShardedImages(ShardedImages&&) noexcept;
  ShardedImages& operator=(ShardedImages&&) noexcept;
  ~ShardedImages() override;

  /// Where an image lies, and what is known of it without reading it.
  struct Entry {
    std::uint64_t offset;  ///< in its shard's file
    std::uint32_t length;
    std::uint32_t crc32c;
    std::uint32_t height;
    std::uint32_t width;
    std::int32_t label;
    std::uint32_t shard;
  };
  /// The entry of an image.
  const Entry& entry(std::int64_t index) const;

  std::int64_t size() const override;
  std::int64_t label(std::int64_t index) const override;
  data::ImageSize image_size(std::int64_t index) const override;
  /// "imagenet/train-00003.h5: n01440764/n01440764_18.JPEG". Slow: for messages.
  std::string name(std::int64_t index) const override;
  /// Without a lock or HDF5. Throws IoError when the bytes cannot be read or differ from those that
  /// were packed.
  void read(std::int64_t index, std::vector<std::byte>& file) const override;

 private:
  friend class ShardReader;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A folder of shards, open for reading.
struct ImageShards {
  std::string source;
  std::vector<std::string> class_names;
  std::array<double, 3> pixel_mean{};       ///< over a sample of the training images, 0…255
  std::array<double, 3> pixel_deviation{};  ///< standard deviation
  std::vector<std::string> skipped;         ///< broken images that were left out
  ShardedImages train;                      ///< has an image of every class
  ShardedImages test;                       ///< maybe empty
};

/// Opens the index and all shards, and checks their tables; images are checked when they are read.
/// Any number of processes may read at once, even where the file system has no locks. Throws
/// UsageError that names the file and what is wrong in it.
ImageShards open_image_shards(const std::filesystem::path& folder);

}  // namespace hierevo::io
