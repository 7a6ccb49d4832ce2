#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <span>
#include <vector>

#include "hierevo/data/images.hpp"

namespace hierevo::nn {

/// Labelled images as tensors on a device, all of one size.
struct ImageTensors {
  at::Tensor pixels;  ///< [N, C, H, W], uint8; channels last where batches are made of them
  at::Tensor labels;  ///< [N], int64, each in [0, classes)

  /// Number of images.
  std::int64_t size() const { return pixels.size(0); }
  /// Channels of an image.
  std::int64_t channels() const { return pixels.size(1); }
  /// Height and width of an image.
  data::ImageSize image_size() const { return {pixels.size(2), pixels.size(3)}; }
};

/// Takes over the memory of `images`, channels last.
ImageTensors to_tensors(data::Images images);

/// The same on `device`, channels last: copied, unless that is how they are.
ImageTensors on_device(const ImageTensors& images, c10::Device device);

/// The images `indices`, in this order, channels last.
ImageTensors selected(const ImageTensors& images, const std::vector<std::int64_t>& indices);

/// Turns pixels into network inputs, channel by channel: (pixel - mean) * scale.
struct PixelNormalisation {
  at::Tensor mean;   ///< [C], float32, in pixel values 0…255
  at::Tensor scale;  ///< [C], float32: 1 / standard deviation, or 1 where all pixels are equal
};

/// From the mean and the standard deviation of each channel, in pixel values.
PixelNormalisation make_normalisation(std::span<const double> means,
                                      std::span<const double> deviations);

/// Mean and standard deviation of each channel over all pixels of `images` (at least one), so that
/// these become 0 and 1. Exact: does not depend on the order of the images.
PixelNormalisation normalisation_of(const ImageTensors& images);

/// What a search trains and validates on.
struct Split {
  ImageTensors train;
  ImageTensors validation;
  PixelNormalisation normalisation;  ///< of `train`
};

/// The search's data (section 4: 40,000/10,000 on CIFAR-10): images by data::split_indices(), the
/// same for every candidate. Throws UsageError when the sizes do not fit, or no image would
/// validate.
Split split_training_set(const ImageTensors& train, std::int64_t train_size,
                         std::int64_t validation_size, std::uint64_t seed);

}  // namespace hierevo::nn
