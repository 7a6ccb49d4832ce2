#include "hierevo/nn/batches/image_tensors.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/data/split_indices.hpp"

namespace hierevo::nn {

namespace {

template <typename T>
at::Tensor tensor_of(std::vector<T> values, at::IntArrayRef shape) {
  auto owner = std::make_shared<std::vector<T>>(std::move(values));
  return at::from_blob(
      owner->data(), shape, [owner](void*) {}, at::CppTypeToScalarType<T>::value);
}

/// Puts the channels of each pixel next to each other, in place: there may be no room for the data
/// twice.
void put_channels_last(data::Images& images) {
  const auto channels = static_cast<std::size_t>(images.shape.channels);
  if (channels == 1) return;
  const std::size_t bytes = images.shape.bytes();
  const std::size_t plane = bytes / channels;
  at::parallel_for(0, images.size(), 64, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> planes(bytes);
    for (std::int64_t i = begin; i < end; ++i) {
      std::uint8_t* image = &images.pixels[static_cast<std::size_t>(i) * bytes];
      std::copy_n(image, bytes, planes.begin());
      for (std::size_t place = 0; place < plane; ++place) {
        for (std::size_t c = 0; c < channels; ++c) *image++ = planes[c * plane + place];
      }
    }
  });
}

}  // namespace

ImageTensors to_tensors(data::Images images) {
  put_channels_last(images);
  const std::int64_t count = images.size();
  const auto [channels, size] = images.shape;
  return {tensor_of(std::move(images.pixels), {count, size.height, size.width, channels})
              .permute({0, 3, 1, 2}),
          tensor_of(std::move(images.labels), {count})};
}

ImageTensors on_device(const ImageTensors& images, c10::Device device) {
  return {images.pixels.to(device).contiguous(at::MemoryFormat::ChannelsLast),
          images.labels.to(device)};
}

PixelNormalisation make_normalisation(std::span<const double> means,
                                      std::span<const double> deviations) {
  std::vector<float> scales;
  for (const double deviation : deviations) {
    scales.push_back(deviation > 0 ? static_cast<float>(1.0 / deviation) : 1.0F);
  }
  return {at::tensor(std::vector<float>(means.begin(), means.end())), at::tensor(scales)};
}

PixelNormalisation normalisation_of(const ImageTensors& images) {
  std::vector<double> means;
  std::vector<double> deviations;
  const at::Tensor values = at::arange(256, at::kDouble);
  for (std::int64_t channel = 0; channel < images.channels(); ++channel) {
    // Counting the 256 values avoids a second copy of the data in floating point.
    const at::Tensor pixels = images.pixels.select(1, channel).reshape({-1}).cpu();
    const at::Tensor shares =
        at::bincount(pixels, {}, 256).to(at::kDouble) / static_cast<double>(pixels.numel());
    const double mean = (shares * values).sum().item<double>();
    const double variance = (shares * (values - mean).square()).sum().item<double>();
    means.push_back(mean);
    deviations.push_back(std::sqrt(variance));
  }
  return make_normalisation(means, deviations);
}

ImageTensors selected(const ImageTensors& images, const std::vector<std::int64_t>& indices) {
  const at::Tensor rows = at::tensor(indices, at::kLong);
  // Of a tensor that is not contiguous, it would return a contiguous one.
  const at::Tensor pixels = images.pixels.permute({0, 2, 3, 1});
  return {pixels.index_select(0, rows).permute({0, 3, 1, 2}), images.labels.index_select(0, rows)};
}

Split split_training_set(const ImageTensors& train, std::int64_t train_size,
                         std::int64_t validation_size, std::uint64_t seed) {
  if (validation_size < 1) {
    throw core::FieldError("validation_size", fmt::format("is {}", validation_size),
                           "fitness is measured on these images",
                           fmt::format("Give 1 to {}.", train.size() - 1));
  }
  const data::SplitIndices indices =
      data::split_indices(train.size(), train_size, validation_size, seed);
  Split split;
  split.train = selected(train, indices.train);
  split.validation = selected(train, indices.validation);
  split.normalisation = normalisation_of(split.train);
  return split;
}

}  // namespace hierevo::nn
