#include "hierevo/data/jpeg_files.hpp"

#include "crop_decoder.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::data {

JpegInfo inspect_jpeg(std::span<const std::byte> file) {
  try {
    return {check_jpeg(file), ""};
  } catch (const BadJpeg& bad) {
    return {{}, problem_of(bad)};
  }
}

std::vector<std::uint8_t> decode_center_crop(std::span<const std::byte> file, std::int64_t size) {
  try {
    return decode_center(file, size);
  } catch (const BadJpeg& bad) {
    throw core::InternalError(bad.what());
  }
}

}  // namespace hierevo::data
