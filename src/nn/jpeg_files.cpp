#include "hierevo/nn/jpeg_files.hpp"

#include "crop_decoder.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::nn {

JpegInfo find_in_jpeg(std::span<const std::byte> file) {
  try {
    return {check_jpeg(file), ""};
  } catch (const BadJpeg& bad) {
    return {{}, problem_of(bad)};
  }
}

std::vector<std::uint8_t> center_crop(std::span<const std::byte> file, std::int64_t size) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size * size * 3));
  try {
    const PictureSize picture = check_jpeg(file);
    CropDecoder().decode(file, picture, centre_crop(picture, size, size), size, pixels);
  } catch (const BadJpeg& bad) {
    throw core::InternalError(bad.what());
  }
  return pixels;
}

}  // namespace hierevo::nn
