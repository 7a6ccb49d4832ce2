#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "image_crop.hpp"
#include "jpeg.hpp"
#include "resampling.hpp"

namespace hierevo::data {

/// Decodes crops of JPEG files: only the rows and columns that a crop needs, from a smaller image
/// where the crop is much larger than its result, and scaled without aliasing. Reuses its memory
/// from crop to crop. Belongs to one thread.
class CropDecoder {
 public:
  /// `pixels` is [size, size, 3]. The file must have an image of size `image`, in which the crop
  /// lies. Throws BadJpeg when it has not, and for damage before the crop's end.
  void decode(std::span<const std::byte> file, ImageSize image, const ImageCrop& crop,
              std::int64_t size, std::span<std::uint8_t> pixels);

 private:
  void read_rows_up_to(JpegDecoder& decoder, std::int64_t end);
  std::uint8_t* place_of(std::int64_t row);
  void scale(JpegDecoder& decoder, std::span<std::uint8_t> pixels);

  Resampling rows_;
  Resampling columns_;
  std::size_t row_bytes_ = 0;
  std::int64_t rows_kept_ = 0;  ///< in kept_, a ring buffer of rows
  std::int64_t next_row_ = 0;   ///< that the decoder returns
  std::vector<std::uint8_t> kept_;
  std::vector<const std::uint8_t*> blending_;
  std::vector<float> blended_;
  std::vector<std::uint8_t> row_;
};

/// The middle square of a file, scaled to `size`×`size`: [size, size, 3]. Throws BadJpeg for
/// anything but a complete and sound JPEG file.
std::vector<std::uint8_t> decode_center(std::span<const std::byte> file, std::int64_t size);

}  // namespace hierevo::data
