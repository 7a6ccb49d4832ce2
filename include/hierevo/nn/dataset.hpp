#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::nn {

/// Labelled images in memory, all of one size.
struct Images {
  at::Tensor pixels;  ///< [N, C, H, W], uint8
  at::Tensor labels;  ///< [N], int64, each in [0, classes)

  std::int64_t size() const { return pixels.size(0); }
  std::int64_t channels() const { return pixels.size(1); }
  std::int64_t height() const { return pixels.size(2); }
  std::int64_t width() const { return pixels.size(3); }
};

/// Side of a square of as many pixels as one of the images, rounded up.
int side_of(const Images& images);

/// The same on `device`: copies, unless they are there.
Images on_device(const Images& images, c10::Device device);

/// A data set as its publishers split it. The images of both parts have the same size, and every
/// class has a training image.
struct Dataset {
  std::string name;
  std::vector<std::string> class_names;  ///< in the order of the labels
  Images train;
  Images test;  ///< with no images where there is no such part

  int classes() const { return static_cast<int>(class_names.size()); }
};

/// Reads a data set by its name from the publishers' files in `data_dir`:
/// - "fashion-mnist", from where Debian's package puts it when `data_dir` is empty, "mnist", and
///   "idx", any other of that family, whose classes are counted; files gzipped (NAME.gz) or not;
/// - "cifar10" and "cifar100" (fine labels) in the binary version; `data_dir` is the folder that
///   the archive makes, or the one around it.
///
/// Throws UsageError that names the file and the offset for anything that is not as published:
/// wrong magic, short or overlong file, damaged gzip, label out of range; and one that names the
/// class for a class without an image.
Dataset load_dataset(std::string_view name, const std::filesystem::path& data_dir);

/// The names by which load_dataset() reads what lies in `folder`: of "cifar10", "cifar100" and
/// "idx", in this order, those that are there.
std::vector<std::string_view> datasets_in(const std::filesystem::path& folder);

/// Makes network inputs of pixels, channel by channel: (pixel - mean) * scale.
struct Normalisation {
  at::Tensor mean;   ///< [C], float32, in pixel values 0…255
  at::Tensor scale;  ///< [C], float32: 1 / standard deviation, or 1 where all pixels are equal
};

/// Of the mean and the standard deviation of each channel, in pixel values.
Normalisation make_normalisation(std::span<const double> means, std::span<const double> deviations);

/// Mean and standard deviation of each channel over all pixels of `images` (at least one), so that
/// these become 0 and 1. Exact: does not depend on the order of the images.
Normalisation normalisation_of(const Images& images);

/// Which images of a training set train, and which validate instead.
struct SplitIndices {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> validation;
};

/// Of `size` images, after a shuffle by `seed`: the first `train_size` train (0: all that are
/// left), the last `validation_size` (maybe 0) validate. Throws UsageError when the sizes do not
/// fit.
SplitIndices split_indices(std::int64_t size, std::int64_t train_size, std::int64_t validation_size,
                           std::uint64_t seed);

/// These images, in this order.
Images selected(const Images& images, const std::vector<std::int64_t>& indices);

/// What a search trains and validates on.
struct Split {
  Images train;
  Images validation;
  Normalisation normalisation;  ///< of `train`
};

/// The search's data (section 4: 40,000/10,000 on CIFAR-10): images by split_indices(), the same
/// for every candidate. Throws UsageError when the sizes do not fit, or nothing would validate.
Split split_training_set(const Images& train, std::int64_t train_size, std::int64_t validation_size,
                         std::uint64_t seed);

}  // namespace hierevo::nn
