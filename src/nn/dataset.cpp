#include "hierevo/nn/dataset.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "batch_order.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/nearest.hpp"
#include "idx.hpp"

namespace hierevo::nn {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";
constexpr int fashion_mnist_classes = 10;

/// `name` in `folder`, gzipped or not.
fs::path existing_file(const fs::path& folder, std::string_view name) {
  const fs::path packed = folder / fmt::format("{}.gz", name);
  if (core::path_exists(packed)) return packed;
  if (core::path_exists(folder / name)) return folder / name;
  throw core::UsageError(
      fmt::format("There is no '{}'", packed.string()), "nor the same file unpacked",
      "Install Debian's package dataset-fashion-mnist, or name the folder that holds the "
      "publishers' four files.");
}

at::Tensor to_tensor(const IdxArray& array) {
  at::Tensor tensor = at::empty(array.shape, at::kByte);
  std::copy(array.values.begin(), array.values.end(), tensor.data_ptr<std::uint8_t>());
  return tensor;
}

void check_labels(const fs::path& path, const IdxArray& labels, int classes) {
  const auto wrong = std::find_if(labels.values.begin(), labels.values.end(),
                                  [classes](std::uint8_t label) { return label >= classes; });
  if (wrong == labels.values.end()) return;
  const auto index = static_cast<std::size_t>(wrong - labels.values.begin());
  throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                         fmt::format("at byte {}: label {} of {} classes, which count from 0",
                                     labels.offset_of(index), int{*wrong}, classes),
                         "Fetch the file again.");
}

/// `part` is "train" or "t10k", as the publishers name their files.
Images load_idx_images(const fs::path& folder, std::string_view part, int classes) {
  const fs::path image_path = existing_file(folder, fmt::format("{}-images-idx3-ubyte", part));
  const fs::path label_path = existing_file(folder, fmt::format("{}-labels-idx1-ubyte", part));
  const IdxArray images = read_idx(image_path, 3);
  const IdxArray labels = read_idx(label_path, 1);
  if (images.shape[0] != labels.shape[0]) {
    throw core::UsageError(
        fmt::format("'{}' and '{}' do not belong together", image_path.string(),
                    label_path.string()),
        fmt::format("at byte 4: {} images, but {} labels", images.shape[0], labels.shape[0]),
        "Fetch both files again.");
  }
  check_labels(label_path, labels, classes);
  return {to_tensor(images).unsqueeze(1), to_tensor(labels).to(at::kLong)};
}

Dataset load_fashion_mnist(const fs::path& data_dir) {
  const fs::path folder = data_dir.empty() ? fs::path(fashion_mnist_folder) : data_dir;
  Dataset dataset{.name = "fashion-mnist",
                  .train = load_idx_images(folder, "train", fashion_mnist_classes),
                  .test = load_idx_images(folder, "t10k", fashion_mnist_classes),
                  .classes = fashion_mnist_classes};
  if (dataset.train.pixels.sizes().slice(1) != dataset.test.pixels.sizes().slice(1)) {
    throw core::UsageError(
        fmt::format("The training and test images in '{}' differ in size", folder.string()),
        fmt::format("at byte 8: {}×{} and {}×{}", dataset.train.height(), dataset.train.width(),
                    dataset.test.height(), dataset.test.width()),
        "Fetch the files again.");
  }
  return dataset;
}

/// Rows `order[first … first+count)` of the images.
Images selected(const Images& images, const at::Tensor& order, std::int64_t first,
                std::int64_t count) {
  const at::Tensor rows = order.narrow(0, first, count);
  return {images.pixels.index_select(0, rows), images.labels.index_select(0, rows)};
}

}  // namespace

Dataset load_dataset(std::string_view name, const fs::path& data_dir) {
  if (name == "fashion-mnist") return load_fashion_mnist(data_dir);
  const std::vector<std::string> known = {"fashion-mnist"};
  throw core::unknown_name("data set", name, known);
}

Normalisation normalisation_of(const Images& images) {
  std::vector<float> means;
  std::vector<float> scales;
  const at::Tensor values = at::arange(256, at::kDouble);
  for (std::int64_t channel = 0; channel < images.channels(); ++channel) {
    // Counting the 256 values needs no second copy of the data in floating point.
    const at::Tensor pixels = images.pixels.select(1, channel).reshape({-1}).cpu();
    const at::Tensor shares =
        at::bincount(pixels, {}, 256).to(at::kDouble) / static_cast<double>(pixels.numel());
    const double mean = (shares * values).sum().item<double>();
    const double variance = (shares * (values - mean).square()).sum().item<double>();
    means.push_back(static_cast<float>(mean));
    scales.push_back(variance > 0 ? static_cast<float>(1.0 / std::sqrt(variance)) : 1.0F);
  }
  return {at::tensor(means), at::tensor(scales)};
}

Split split_training_set(const Images& train, std::int64_t train_size, std::int64_t validation_size,
                         std::uint64_t seed) {
  const std::int64_t size = train.size();
  if (validation_size < 1 || validation_size >= size) {
    throw core::UsageError(
        fmt::format("A validation set of {} images", validation_size),
        fmt::format("the training set has {}, and some must be left to train on", size),
        fmt::format("Choose 1 to {}.", size - 1));
  }
  const std::int64_t left = size - validation_size;
  if (train_size < 0 || train_size > left) {
    throw core::UsageError(
        fmt::format("{} images to train on", train_size),
        fmt::format("{} of {} are left besides {} to validate on", left, size, validation_size),
        fmt::format("Choose 1 to {}, or 0 for all of these.", left));
  }
  if (train_size == 0) train_size = left;
  const at::Tensor order =
      at::tensor(permutation(size, core::RandomStream(seed, 0, "training and validation split")));
  Split split;
  split.train = selected(train, order, 0, train_size);
  split.validation = selected(train, order, left, validation_size);
  split.normalisation = normalisation_of(split.train);
  return split;
}

}  // namespace hierevo::nn
