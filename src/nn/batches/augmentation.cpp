#include "augmentation.hpp"

#include <ATen/ATen.h>

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

at::Tensor cut(const at::Tensor& pixels, const at::Tensor& indices, const Crops& crops,
               data::ImageSize crop) {
  const c10::Device device = pixels.device();
  const auto offsets = at::TensorOptions(at::kLong).device(device);
  const at::Tensor down = at::arange(crop.height, offsets);
  const at::Tensor right = at::arange(crop.width, offsets);
  const at::Tensor flipped = to_device_async(crops.flipped, device).unsqueeze(1);
  const at::Tensor across = at::where(flipped, right.flip(0), right);
  const at::Tensor rows = to_device_async(crops.top, device).unsqueeze(1) + down;  // [N, height]
  const at::Tensor columns =
      to_device_async(crops.left, device).unsqueeze(1) + across;  // [N, width]
  const at::Tensor channels = at::arange(pixels.size(1), offsets);
  // One gather for the whole batch, indexed as [N, height, width, C]: the result is channels last.
  const at::Tensor gathered = pixels.index(
      {to_device_async(indices, device).view({-1, 1, 1, 1}), channels.view({1, 1, 1, -1}),
       rows.unsqueeze(2).unsqueeze(3), columns.unsqueeze(1).unsqueeze(3)});
  return gathered.contiguous().permute({0, 3, 1, 2});
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
  const auto by_image = [&pixels](const at::Tensor& values) {
    return to_device_async(values, pixels.device()).view({-1, 1, 1, 1});
  };
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

void cut_out(at::Tensor& images, std::int64_t side, const Middles& middles) {
  const c10::Device device = images.device();
  // For all images at once: on a GPU each call has a cost, however little it does.
  const auto covered = [&](const at::Tensor& middle, std::int64_t length) {  // [N, length]
    const at::Tensor from = to_device_async(middle, device).unsqueeze(1) - side / 2;
    const at::Tensor place = at::arange(length, at::TensorOptions(at::kLong).device(device));
    return place.ge(from).logical_and_(place.lt(from + side));
  };
  const at::Tensor rows = covered(middles.row, images.size(2)).unsqueeze(1).unsqueeze(3);
  const at::Tensor columns = covered(middles.column, images.size(3)).unsqueeze(1).unsqueeze(2);
  images.masked_fill_(rows.logical_and(columns), 0);
}

PixelNormalisation on_device(const PixelNormalisation& normalisation, c10::Device device) {
  return {to_device_async(normalisation.mean, device),
          to_device_async(normalisation.scale, device)};
}

at::Tensor normalised(const at::Tensor& pixels, const PixelNormalisation& normalisation) {
  const auto by_channel = [&pixels](const at::Tensor& values) {
    return to_device_async(values, pixels.device()).view({1, -1, 1, 1});
  };
  return pixels.to(at::kFloat)
      .contiguous(at::MemoryFormat::ChannelsLast)
      .sub_(by_channel(normalisation.mean))
      .mul_(by_channel(normalisation.scale));
}

}  // namespace hierevo::nn
