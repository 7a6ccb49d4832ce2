#include "hierevo/nn/batches/image_tensors.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

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

}  // namespace

ImageTensors to_tensors(data::Images images) {
  const std::int64_t count = images.size();
  const auto [channels, size] = images.shape;
  return {tensor_of(std::move(images.pixels), {count, channels, size.height, size.width}),
          tensor_of(std::move(images.labels), {count})};
}

ImageTensors on_device(const ImageTensors& images, c10::Device device) {
  return {images.pixels.to(device), images.labels.to(device)};
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
  return {images.pixels.index_select(0, rows), images.labels.index_select(0, rows)};
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
