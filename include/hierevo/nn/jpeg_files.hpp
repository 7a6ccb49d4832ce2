#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hierevo::nn {

struct PictureSize {
  std::int64_t height = 0;
  std::int64_t width = 0;

  bool operator==(const PictureSize&) const = default;
};

/// Labelled JPEG files, wherever they are. Its members are called from several threads at once.
class JpegFiles {
 public:
  virtual ~JpegFiles() = default;

  virtual std::int64_t size() const = 0;
  virtual std::int64_t label(std::int64_t index) const = 0;
  virtual PictureSize picture(std::int64_t index) const = 0;
  /// For messages.
  virtual std::string name(std::int64_t index) const = 0;
  /// The whole file in place of what `file` holds. Throws IoError.
  virtual void read(std::int64_t index, std::vector<std::byte>& file) const = 0;
};

/// What was found in a JPEG file.
struct JpegInfo {
  PictureSize size;
  std::string problem;  ///< "at byte 12: …" when it is not whole and sound; empty otherwise
};

/// Looks at the whole file, which takes less time than to decode it. Grey and CMYK ones are sound.
JpegInfo find_in_jpeg(std::span<const std::byte> file);

/// The middle square of a sound file, scaled to `size`×`size`: [size, size, 3]. Throws
/// InternalError when it is not sound.
std::vector<std::uint8_t> center_crop(std::span<const std::byte> file, std::int64_t size);

}  // namespace hierevo::nn
