#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hierevo/data/dataset.hpp"

namespace hierevo::io {

/// What a pack says besides its images.
struct DataPackInfo {
  std::string source;                    ///< what it was made from; for people to read
  std::vector<std::string> class_names;  ///< in the order of the labels
  data::ImageShape image;
};

/// Reads a pack: labelled training and test images in one HDF5 file (io/FORMAT.md), named after
/// what it was made from. Any number of processes may read one at once, even where the file system
/// has no locks. Throws UsageError that names the file and what is wrong in it: damage, a newer
/// version, a wrong type, shape or label, a class without a training image.
data::Dataset read_data_pack(const std::filesystem::path& path);

/// Writes a pack image by image. Until finish() there is only a temporary file beside it, which the
/// destructor removes. Throws IoError when the file cannot be written, UsageError when it already
/// exists.
class DataPackWriter {
 public:
  /// The part of the data set that images belong to.
  enum class Part { train, test };

  /// `train` (at least 1) and `test` images will follow.
  DataPackWriter(std::filesystem::path path, const DataPackInfo& info, std::size_t train,
                 std::size_t test);
  DataPackWriter(const DataPackWriter&) = delete;
  DataPackWriter& operator=(const DataPackWriter&) = delete;
  ~DataPackWriter();

  /// Any number of images, `pixels` being [n, C, H, W] and `labels` [n].
  void append(Part part, std::span<const std::uint8_t> pixels,
              std::span<const std::int64_t> labels);
  /// Names those of the announced images that are left out because they are broken.
  void leave_out(Part part, std::span<const std::string> names);
  /// Syncs the file and gives it its name. All images must have been written or left out. Throws
  /// UsageError for a class without a training image, and where no test image is left.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hierevo::io
