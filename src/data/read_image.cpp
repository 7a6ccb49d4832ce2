#include "crop_decoder.hpp"
#include "hierevo/core/parallel_for.hpp"
#include "hierevo/data/image_folder.hpp"
#include "jpeg.hpp"
#include "jpeg_decoder.hpp"

namespace hierevo::data {

namespace {

/// [3, H, W] of [H, W, 3].
std::vector<std::uint8_t> planes_of(std::span<const std::uint8_t> rgb) {
  const std::size_t pixels = rgb.size() / 3;
  std::vector<std::uint8_t> planes(rgb.size());
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) planes[c * pixels + i] = rgb[3 * i + c];
  }
  return planes;
}

ReadImage whole(std::span<const std::byte> file, const std::optional<ImageSize>& only) {
  if (only) {
    JpegDecoder decoder(file);
    if (const ImageSize found = read_header(decoder, file); found != *only)
      return {{3, found}, {}, ""};
  }
  const DecodedImage decoded = decode_jpeg(file);
  return {{3, decoded.size}, planes_of(decoded.pixels), ""};
}

ReadImage middle(std::span<const std::byte> file, std::int64_t size) {
  return {{3, {size, size}}, planes_of(decode_center(file, size)), ""};
}

}  // namespace

ReadImage read_image(const std::filesystem::path& path, std::int64_t size,
                     const std::optional<ImageSize>& only) {
  const ImageBytes file = read_image_bytes(path);
  if (!file.problem.empty()) return {{}, {}, file.problem};
  try {
    return size == 0 ? whole(file.bytes, only) : middle(file.bytes, size);
  } catch (const BadJpeg& bad) {
    return {{}, {}, problem_of(bad)};
  }
}

std::vector<ReadImage> read_images(std::span<const LabelledFile> files, std::int64_t size,
                                   int threads, const std::optional<ImageSize>& only) {
  std::vector<ReadImage> images(files.size());
  core::parallel_for(files.size(), threads,
                     [&](std::size_t i) { images[i] = read_image(files[i].path, size, only); });
  return images;
}

}  // namespace hierevo::data
