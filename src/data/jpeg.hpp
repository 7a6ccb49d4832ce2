#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/data/jpeg_files.hpp"

namespace hierevo::data {

/// What is wrong with a JPEG file, and at which byte.
class BadJpeg : public std::runtime_error {
 public:
  BadJpeg(std::size_t offset, const std::string& why) : std::runtime_error(why), offset_(offset) {}
  std::size_t offset() const { return offset_; }

 private:
  std::size_t offset_;
};

/// Pixels as an image file has them, row by row: red, green, blue.
struct DecodedImage {
  ImageSize size;
  std::vector<std::uint8_t> pixels;  ///< [H, W, 3]
};

/// Decodes a JPEG file; grey and CMYK ones become RGB. Throws BadJpeg for anything but a complete
/// and sound JPEG file.
DecodedImage decode_jpeg(std::span<const std::byte> file);

/// Checks a whole JPEG file, which takes less time than decoding it. Throws what decode_jpeg()
/// would throw.
ImageSize check_jpeg(std::span<const std::byte> file);

/// "at byte 12: …"
std::string problem_of(const BadJpeg& bad);
/// Throws the UsageError about an image of this name.
[[noreturn]] void refuse_image(std::string_view name, const BadJpeg& bad);

class JpegDecoder;
/// For this module: reads the header of a file of reasonable size. Throws BadJpeg.
ImageSize read_header(JpegDecoder& decoder, std::span<const std::byte> file);
/// Throws BadJpeg with `decoder`'s message unless its step succeeded.
void require(bool went_well, const JpegDecoder& decoder);
/// Red, green and blue of `cmyk`, 4 bytes a pixel, in place of the first three.
void convert_cmyk(std::span<std::uint8_t> cmyk, bool inverted);

}  // namespace hierevo::data
