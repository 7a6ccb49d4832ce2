#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hierevo::data {

/// In pixels.
struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;

  bool operator==(const ImageSize&) const = default;
};

/// Of an image in memory: one plane of pixels for each channel.
struct ImageShape {
  std::int64_t channels = 0;
  ImageSize size;

  /// Bytes of an image with this many channels, a byte each.
  std::size_t bytes() const {
    return static_cast<std::size_t>(channels * size.height * size.width);
  }
  bool operator==(const ImageShape&) const = default;
};

/// Side of a square with that many pixels, rounded up.
int side_of(ImageSize size);

/// Some neighbouring images of a batch or of a test set: [first, first + count).
struct ImageRange {
  std::int64_t first = 0;
  std::int64_t count = 0;

  bool operator==(const ImageRange&) const = default;
};

/// The images of part `part` of `parts` of `count` images: consecutive ones. The parts' sizes
/// differ by at most one; together they are all images, each once.
constexpr ImageRange part_of(std::int64_t count, int part, int parts) {
  const std::int64_t least = count / parts;
  const std::int64_t longer = count % parts;
  const auto before = static_cast<std::int64_t>(part);
  return {before * least + (before < longer ? before : longer), least + (before < longer ? 1 : 0)};
}

/// Labelled images in memory, all of one shape.
struct Images {
  ImageShape shape;
  std::vector<std::uint8_t> pixels;  ///< [N, C, H, W]
  std::vector<std::int64_t> labels;  ///< [N], each in [0, classes)

  /// Number of images.
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
};

/// The first of so many classes that has no image among those of these labels, if any.
std::optional<std::size_t> class_without_image(std::span<const std::int64_t> labels,
                                               std::size_t classes);

/// Hash of the number and shape of the images, all pixels and all labels (io/FORMAT.md, "Data
/// record").
std::uint64_t fingerprint_of(const Images& images);

}  // namespace hierevo::data
