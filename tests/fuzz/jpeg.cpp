// JPEG files, and crops of them by the decoder. The crops depend on the bytes.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "crop_decoder.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/random.hpp"
#include "jpeg_decoder.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using data::ImageSize;
using Bytes = std::span<const std::byte>;

/// Larger pictures are like the small ones, but slow.
constexpr std::int64_t most_pixels = 1 << 18;

bool is_large(Bytes file) {
  try {
    data::JpegDecoder decoder(file);
    const ImageSize size = data::read_header(decoder, file);
    return size.height * size.width > most_pixels;
  } catch (const data::BadJpeg&) {
    return false;
  }
}

/// What `read` returns, or nothing where it refuses the file.
template <typename Read>
auto accepted(Bytes file, Read read) -> std::optional<decltype(read(file))> {
  try {
    return read(file);
  } catch (const data::BadJpeg& bad) {
    fuzz::require(bad.offset() <= file.size(), "a problem lies in the file");
    fuzz::require(*bad.what() != '\0', "a problem has a text");
    return std::nullopt;
  }
}

std::vector<std::uint8_t> crop_of(data::CropDecoder& decoder, Bytes file, ImageSize picture,
                                  const data::ImageCrop& crop, std::int64_t size) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size * size * 3));
  decoder.decode(file, picture, crop, size, pixels);
  return pixels;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static data::CropDecoder used;
  const Bytes file = fuzz::bytes_of(data, size);
  if (is_large(file)) return 0;
  const auto picture = accepted(file, data::check_jpeg);
  const auto image = accepted(file, data::decode_jpeg);
  fuzz::require(picture.has_value() == image.has_value(), "a check and a decoder agree");
  core::RandomStream random(core::crc32c(file), size, "crops");
  const auto side = static_cast<std::int64_t>(1 + random.below(48));
  if (!picture) {
    // Damage after the crop need not be noticed.
    const auto crop = data::draw_image_crop({8, 8}, side, true, random);
    accepted(file, [&](Bytes) { return crop_of(used, file, {8, 8}, crop, side); });
    return 0;
  }
  fuzz::require(
      image->size == *picture && std::ssize(image->pixels) == picture->height * picture->width * 3,
      "a picture has its size");
  for (const auto& crop : {data::draw_image_crop(*picture, side, true, random),
                           data::center_crop(*picture, data::usual_short_side(side), side)}) {
    data::CropDecoder fresh;
    fuzz::require(
        crop_of(used, file, *picture, crop, side) == crop_of(fresh, file, *picture, crop, side),
        "what a decoder did before makes no difference");
  }
  return 0;
}
