#include "jpeg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hierevo/core/error.hpp"
#include "jpeg_decoder.hpp"

namespace hierevo::data {

namespace {

/// Far above any photograph; a small hostile file must not exhaust the memory.
constexpr std::int64_t most_pixels = std::int64_t{1} << 27;

bool is_png(std::span<const std::byte> file) {
  constexpr std::array<std::uint8_t, 8> signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return file.size() >= signature.size() &&
         std::equal(signature.begin(), signature.end(), file.begin(),
                    [](std::uint8_t a, std::byte b) { return std::byte{a} == b; });
}

/// [H, W, 3] of [H, W, 4].
std::vector<std::uint8_t> without_fourth(std::span<const std::uint8_t> padded) {
  std::vector<std::uint8_t> pixels(padded.size() / 4 * 3);
  for (std::size_t i = 0; i < padded.size() / 4; ++i) {
    std::copy_n(padded.begin() + static_cast<std::ptrdiff_t>(4 * i), 3,
                pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  return pixels;
}

}  // namespace

void require(bool went_well, const JpegDecoder& decoder) {
  if (!went_well) throw BadJpeg(decoder.offset(), decoder.message());
}

ImageSize read_header(JpegDecoder& decoder, std::span<const std::byte> file) {
  if (file.empty()) throw BadJpeg(0, "the file is empty");
  if (is_png(file)) throw BadJpeg(0, "it is a PNG image, whatever its name says");
  require(decoder.read_header(), decoder);
  if (decoder.height() * decoder.width() > most_pixels) {
    throw BadJpeg(decoder.offset(), fmt::format("{}×{} pixels, more than {}", decoder.height(),
                                                decoder.width(), most_pixels));
  }
  return {decoder.height(), decoder.width()};
}

void convert_cmyk(std::span<std::uint8_t> cmyk, bool inverted) {
  const int flip = inverted ? 0 : 255;
  for (std::size_t i = 0; i < cmyk.size(); i += 4) {
    const int black = cmyk[i + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c) {
      cmyk[i + c] = static_cast<std::uint8_t>(((cmyk[i + c] ^ flip) * black + 127) / 255);
    }
  }
}

DecodedImage decode_jpeg(std::span<const std::byte> file) {
  JpegDecoder decoder(file);
  const ImageSize size = read_header(decoder, file);
  require(decoder.start(JpegDecoder::Rows::rgb, 8), decoder);
  const std::size_t row = static_cast<std::size_t>(size.width) * decoder.bytes_a_pixel();
  DecodedImage image{size, {}};
  image.pixels.resize(static_cast<std::size_t>(size.height) * row);
  for (std::size_t y = 0; y < static_cast<std::size_t>(size.height); ++y) {
    require(decoder.read_row(&image.pixels[y * row]), decoder);
  }
  require(decoder.finish(), decoder);
  if (decoder.is_cmyk()) {
    convert_cmyk(image.pixels, decoder.cmyk_is_inverted());
    image.pixels = without_fourth(image.pixels);
  }
  return image;
}

ImageSize check_jpeg(std::span<const std::byte> file) {
  JpegDecoder decoder(file);
  const ImageSize size = read_header(decoder, file);
  // Damage shows in the codes of the coefficients, which are all read; only pixels are not made.
  require(decoder.start(JpegDecoder::Rows::rgb, 1), decoder);
  std::vector<std::uint8_t> row(decoder.columns() * decoder.bytes_a_pixel());
  for (JDIMENSION y = 0; y < decoder.rows(); ++y) require(decoder.read_row(row.data()), decoder);
  require(decoder.finish(), decoder);
  return size;
}

std::string problem_of(const BadJpeg& bad) {
  return fmt::format("at byte {}: {}", bad.offset(), bad.what());
}

void refuse_image(std::string_view name, const BadJpeg& bad) {
  throw core::UsageError(fmt::format("Cannot use '{}'", name), problem_of(bad),
                         "Fetch or convert the image again, or remove it.");
}

}  // namespace hierevo::data
