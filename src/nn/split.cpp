#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "batch_order.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/nn/dataset.hpp"

namespace hierevo::nn {

Normalisation make_normalisation(std::span<const double> means,
                                 std::span<const double> deviations) {
  std::vector<float> scales;
  for (const double deviation : deviations) {
    scales.push_back(deviation > 0 ? static_cast<float>(1.0 / deviation) : 1.0F);
  }
  return {at::tensor(std::vector<float>(means.begin(), means.end())), at::tensor(scales)};
}

Normalisation normalisation_of(const Images& images) {
  std::vector<double> means;
  std::vector<double> deviations;
  const at::Tensor values = at::arange(256, at::kDouble);
  for (std::int64_t channel = 0; channel < images.channels(); ++channel) {
    // Counting the 256 values needs no second copy of the data in floating point.
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

SplitIndices split_indices(std::int64_t size, std::int64_t train_size, std::int64_t validation_size,
                           std::uint64_t seed) {
  if (validation_size < 0 || validation_size >= size) {
    throw core::FieldError(
        "validation_size", fmt::format("is {}", validation_size),
        fmt::format("the training set has {}, and some must be left to train on", size),
        fmt::format("Give up to {}.", size - 1));
  }
  const std::int64_t left = size - validation_size;
  if (train_size < 0 || train_size > left) {
    throw core::FieldError(
        "train_size", fmt::format("is {}", train_size),
        fmt::format("{} of {} are left besides {} to validate on", left, size, validation_size),
        fmt::format("Give 1 to {}, or 0 for all of these.", left));
  }
  if (train_size == 0) train_size = left;
  const auto order =
      permutation(size, core::RandomStream(seed, 0, "training and validation split"));
  return {{order.begin(), order.begin() + static_cast<std::ptrdiff_t>(train_size)},
          {order.begin() + static_cast<std::ptrdiff_t>(left), order.end()}};
}

Images selected(const Images& images, const std::vector<std::int64_t>& indices) {
  const at::Tensor rows = at::tensor(indices, at::kLong);
  return {images.pixels.index_select(0, rows), images.labels.index_select(0, rows)};
}

Split split_training_set(const Images& train, std::int64_t train_size, std::int64_t validation_size,
                         std::uint64_t seed) {
  if (validation_size < 1) {
    throw core::FieldError("validation_size", fmt::format("is {}", validation_size),
                           "what is found is judged by these images",
                           fmt::format("Give 1 to {}.", train.size() - 1));
  }
  const SplitIndices indices = split_indices(train.size(), train_size, validation_size, seed);
  Split split;
  split.train = selected(train, indices.train);
  split.validation = selected(train, indices.validation);
  split.normalisation = normalisation_of(split.train);
  return split;
}

}  // namespace hierevo::nn
