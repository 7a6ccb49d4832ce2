#include "augmentation.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "device/transfer.hpp"

namespace hierevo::nn {

Crops draw_crops(std::int64_t count, data::ImageSize image, data::ImageSize crop, bool flip,
                 core::RandomStream random) {
  const auto offsets = at::TensorOptions(at::kLong);
  Crops crops{at::empty({count}, offsets), at::empty({count}, offsets),
              at::zeros({count}, at::kBool)};
  const auto tops = static_cast<std::uint64_t>(image.height - crop.height + 1);
  const auto lefts = static_cast<std::uint64_t>(image.width - crop.width + 1);
  auto* top = crops.top.data_ptr<std::int64_t>();
  auto* left = crops.left.data_ptr<std::int64_t>();
  auto* flipped = crops.flipped.data_ptr<bool>();
  for (std::int64_t i = 0; i < count; ++i) {
    top[i] = static_cast<std::int64_t>(random.below(tops));
    left[i] = static_cast<std::int64_t>(random.below(lefts));
    if (flip) flipped[i] = random.below(2) == 1;
  }
  return crops;
}

CropPlaces places_of(const Crops& crops, std::span<const std::int64_t> indices,
                     data::ImageSize image, data::ImageSize crop) {
  const auto count = static_cast<std::int64_t>(indices.size());
  CropPlaces places{at::empty({count}, at::kLong), at::empty({count}, at::kLong)};
  const auto* top = crops.top.data_ptr<std::int64_t>();
  const auto* left = crops.left.data_ptr<std::int64_t>();
  const auto* flipped = crops.flipped.data_ptr<bool>();
  auto* first = places.first.data_ptr<std::int64_t>();
  auto* step = places.step.data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::int64_t row = indices[i] * image.height + top[i];
    const std::int64_t column = flipped[i] ? left[i] + crop.width - 1 : left[i];
    first[i] = row * image.width + column;
    step[i] = flipped[i] ? -1 : 1;
  }
  return places;
}

Cutter::Cutter(data::ImageSize image, data::ImageSize crop, c10::Device device)
    : crop_(crop),
      columns_(at::arange(crop.width, at::kLong).view({1, 1, -1}).to(device)),
      rows_((at::arange(crop.height, at::kLong) * image.width).view({1, -1, 1}).to(device)) {}

at::Tensor Cutter::cut(const at::Tensor& pixels, const CropPlaces& places) const {
  const at::Tensor first_row = at::addcmul(
      places.first.view({-1, 1, 1}), places.step.view({-1, 1, 1}), columns_);  // [N, 1, width]
  const at::Tensor all = first_row + rows_;                                    // [N, height, width]
  return pixels.index_select(0, all.view({-1}))
      .view({-1, crop_.height, crop_.width, pixels.size(1)})
      .permute({0, 3, 1, 2});
}

ColourChanges draw_colour_changes(std::int64_t count, double brightness, double contrast,
                                  core::RandomStream random) {
  ColourChanges changes{at::empty({count}, at::kFloat), at::empty({count}, at::kFloat)};
  auto* factors = changes.brightness.data_ptr<float>();
  auto* contrasts = changes.contrast.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    factors[i] = static_cast<float>(1.0 + brightness * (2.0 * random.unit() - 1.0));
    contrasts[i] = static_cast<float>(1.0 + contrast * (2.0 * random.unit() - 1.0));
  }
  return changes;
}

at::Tensor recoloured(const at::Tensor& pixels, const ColourChanges& changes) {
  const auto by_image = [](const at::Tensor& values) { return values.view({-1, 1, 1, 1}); };
  at::Tensor images = pixels.to(at::kFloat).mul_(by_image(changes.brightness)).clamp_(0, 255);
  // Torch sums a tensor to one number in another order, which rounds differently: an image alone
  // must give what it gives among others.
  const bool alone = images.size(0) == 1;
  const at::Tensor several = alone ? at::cat({images, images}) : images;
  const at::Tensor mean = several.mean({1, 2, 3}, /*keepdim=*/true).narrow(0, 0, images.size(0));
  return images.sub_(mean).mul_(by_image(changes.contrast)).add_(mean).clamp_(0, 255);
}

Middles draw_middles(std::int64_t count, data::ImageSize image, core::RandomStream random) {
  const auto places = at::TensorOptions(at::kLong);
  Middles middles{at::empty({count}, places), at::empty({count}, places)};
  auto* row = middles.row.data_ptr<std::int64_t>();
  auto* column = middles.column.data_ptr<std::int64_t>();
  const auto height = static_cast<std::uint64_t>(image.height);
  const auto width = static_cast<std::uint64_t>(image.width);
  for (std::int64_t i = 0; i < count; ++i) {
    row[i] = static_cast<std::int64_t>(random.below(height));
    column[i] = static_cast<std::int64_t>(random.below(width));
  }
  return middles;
}

Rectangles squares_around(const Middles& middles, std::int64_t side, data::ImageSize image) {
  const auto covered = [side](const at::Tensor& middle, std::int64_t length) {  // [N, length]
    at::Tensor all = at::zeros({middle.size(0), length}, at::kBool);
    const auto* place = middle.data_ptr<std::int64_t>();
    bool* row = all.data_ptr<bool>();
    for (std::int64_t i = 0; i < all.size(0); ++i, row += length) {
      const std::int64_t from = place[i] - side / 2;
      const std::int64_t end = std::min(from + side, length);
      for (std::int64_t x = std::max<std::int64_t>(from, 0); x < end; ++x) row[x] = true;
    }
    return all;
  };
  return {covered(middles.row, image.height), covered(middles.column, image.width)};
}

void cut_out(at::Tensor& images, const Rectangles& rectangles) {
  const at::Tensor rows = rectangles.rows.unsqueeze(1).unsqueeze(3);
  const at::Tensor columns = rectangles.columns.unsqueeze(1).unsqueeze(2);
  images.masked_fill_(rows.logical_and(columns), 0);
}

PixelNormalisation on_device(const PixelNormalisation& normalisation, c10::Device device) {
  return {to_device_async(normalisation.mean, device),
          to_device_async(normalisation.scale, device)};
}

at::Tensor normalised(const at::Tensor& pixels, const PixelNormalisation& normalisation) {
  const auto by_channel = [](const at::Tensor& values) { return values.view({1, -1, 1, 1}); };
  const at::Tensor mean = by_channel(normalisation.mean);
  // A GPU converts while it subtracts; the CPU would go through another copy.
  const at::Tensor ordered = pixels.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor images = pixels.is_cpu() ? ordered.to(at::kFloat).sub_(mean) : ordered.sub(mean);
  return images.mul_(by_channel(normalisation.scale));
}

}  // namespace hierevo::nn
