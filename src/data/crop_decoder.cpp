#include "crop_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hierevo/core/error.hpp"
#include "jpeg_decoder.hpp"

namespace hierevo::data {

namespace {

/// Colours at half resolution are smoothed over their neighbours: with this many more columns the
/// outermost ones are those of the whole image.
constexpr JDIMENSION neighbours = 4;

bool lies_in(const ScaledSide& side, std::int64_t length, std::int64_t size) {
  return side.first >= 0 && side.count > 0 && side.first <= length - side.count && size > 0 &&
         side.skipped >= 0 && side.skipped <= side.scaled - size;
}

/// The smallest size to decode at, in eighths: twice the needed pixels in each direction preserve
/// what the triangle filter would make of the whole image.
unsigned eighths_for(const ImageCrop& crop) {
  for (const unsigned eighths : {1U, 2U, 4U}) {
    const auto enough = [eighths](const ScaledSide& side) {
      return side.count * eighths >= 2 * 8 * side.scaled;
    };
    if (enough(crop.rows) && enough(crop.columns)) return eighths;
  }
  return 8;
}

}  // namespace

void CropDecoder::decode(std::span<const std::byte> file, ImageSize image, const ImageCrop& crop,
                         std::int64_t size, std::span<std::uint8_t> pixels) {
  if (!lies_in(crop.rows, image.height, size) || !lies_in(crop.columns, image.width, size) ||
      std::ssize(pixels) != size * size * 3) {
    throw core::InternalError("The crop does not fit");
  }
  JpegDecoder decoder(file);
  const ImageSize found = read_header(decoder, file);
  if (found != image) {
    throw BadJpeg(decoder.offset(), fmt::format("{}×{} pixels instead of {}×{}", found.height,
                                                found.width, image.height, image.width));
  }
  const unsigned eighths = eighths_for(crop);
  require(decoder.start(JpegDecoder::Rows::padded, eighths), decoder);
  const double factor = eighths / 8.0;
  const auto set = [&](const ScaledSide& side, JDIMENSION end, bool reversed, Resampling& result) {
    set_resampling(static_cast<double>(side.first) * factor,
                   static_cast<double>(side.count) * factor, end, side.scaled, side.skipped, size,
                   reversed, result);
  };
  set(crop.rows, decoder.rows(), false, rows_);
  set(crop.columns, decoder.columns(), crop.flipped, columns_);

  const auto [left, right] = std::minmax_element(columns_.first.begin(), columns_.first.end());
  const auto last = static_cast<std::size_t>(right - columns_.first.begin());
  const auto right_end = static_cast<JDIMENSION>(std::min<std::int64_t>(
      decoder.columns(), std::int64_t{*right} + columns_.taps[last] + neighbours));
  JDIMENSION first = static_cast<JDIMENSION>(*left);
  first -= std::min(first, neighbours);
  JDIMENSION count = right_end - first;
  require(decoder.keep_columns(first, count), decoder);
  for (auto& column : columns_.first) column -= static_cast<std::int32_t>(first);
  prepare_pairs(columns_);
  row_bytes_ = std::size_t{count} * 4;
  scale(decoder, pixels);
}

std::uint8_t* CropDecoder::place_of(std::int64_t row) {
  return &kept_[static_cast<std::size_t>(row % rows_kept_) * row_bytes_];
}

void CropDecoder::read_rows_up_to(JpegDecoder& decoder, std::int64_t end) {
  for (; next_row_ < end; ++next_row_) {
    std::uint8_t* row = place_of(next_row_);
    require(decoder.read_row(row), decoder);
    if (decoder.is_cmyk()) convert_cmyk({row, row_bytes_}, decoder.cmyk_is_inverted());
  }
}

/// Vertically first, so that each row of the result is scaled horizontally only once.
void CropDecoder::scale(JpegDecoder& decoder, std::span<std::uint8_t> pixels) {
  const std::size_t size = rows_.size();
  rows_kept_ = rows_.longest;
  kept_.resize(static_cast<std::size_t>(rows_kept_) * row_bytes_);
  blended_.resize(row_bytes_ + 4 * static_cast<std::size_t>(columns_.longest));
  row_.resize(3 * size + 1);
  next_row_ = rows_.first[0];
  require(decoder.skip_rows(static_cast<JDIMENSION>(next_row_)), decoder);
  for (std::size_t y = 0; y < size; ++y) {
    const auto taps = static_cast<std::int64_t>(rows_.taps[y]);
    read_rows_up_to(decoder, rows_.first[y] + taps);
    blending_.clear();
    for (std::int64_t t = 0; t < taps; ++t) blending_.push_back(place_of(rows_.first[y] + t));
    blend_rows(blending_, rows_.of(y), row_bytes_, blended_.data());
    resample_row(blended_.data(), columns_, row_.data());
    std::copy_n(row_.begin(), 3 * size, pixels.begin() + static_cast<std::ptrdiff_t>(3 * size * y));
  }
}

std::vector<std::uint8_t> decode_center(std::span<const std::byte> file, std::int64_t size) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size * size * 3));
  const ImageSize image = check_jpeg(file);
  CropDecoder().decode(file, image, center_crop(image, size, size), size, pixels);
  return pixels;
}

}  // namespace hierevo::data
