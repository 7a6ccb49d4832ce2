#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace hierevo::nn {

/// Pixels as they stand in an image file, row by row: red, green, blue.
struct DecodedImage {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> pixels;  ///< [H, W, 3]
};

/// Reads a JPEG file; grey and CMYK ones become RGB. Throws UsageError that names the file, and the
/// offset for whatever is not a whole and sound JPEG file.
DecodedImage read_jpeg(const std::filesystem::path& path);

}  // namespace hierevo::nn
