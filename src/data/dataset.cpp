#include "hierevo/data/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cifar.hpp"
#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "idx_dataset.hpp"
#include "numbered_names.hpp"

namespace hierevo::data {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";

const std::vector<std::string> known_names = {"fashion-mnist", "mnist", "cifar10", "cifar100",
                                              "idx"};

Dataset load_fashion_mnist(const fs::path& data_dir) {
  return load_idx_dataset(
      data_dir.empty() ? fs::path(fashion_mnist_folder) : data_dir,
      {.name = "fashion-mnist",
       .class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                       "Sneaker", "Bag", "Ankle boot"},
       .suggestion = "Install Debian's package dataset-fashion-mnist, or name the folder that "
                     "holds the publishers' four files."});
}

/// Data sets that no package contains.
Dataset load_idx_folder(std::string_view name, std::vector<std::string> class_names,
                        const fs::path& data_dir) {
  const std::string suggestion =
      "Give the folder with the publishers' four files, train-images-idx3-ubyte.gz and so "
      "on.";
  if (data_dir.empty()) {
    throw core::FieldError("data_dir", "is empty", fmt::format("no package contains {}", name),
                           suggestion);
  }
  return load_idx_dataset(data_dir, {std::string(name), std::move(class_names), suggestion});
}

Dataset load_files(std::string_view name, const fs::path& data_dir) {
  if (name == "fashion-mnist") return load_fashion_mnist(data_dir);
  if (name == "mnist") return load_idx_folder(name, numbered_names(10), data_dir);
  if (name == "cifar10") return load_cifar(cifar10_layout(), data_dir);
  if (name == "cifar100") return load_cifar(cifar100_layout(), data_dir);
  if (name == "idx") return load_idx_folder(name, {}, data_dir);
  throw core::unknown_name("data set", name, known_names);
}

}  // namespace

Dataset load_dataset(std::string_view name, const fs::path& data_dir) {
  Dataset dataset = load_files(name, data_dir);
  const auto label = class_without_image(dataset.train.labels, dataset.class_names.size());
  if (label) {
    const std::string where = data_dir.empty() ? "" : fmt::format(" in '{}'", data_dir.string());
    throw core::UsageError(
        fmt::format("Cannot use {}{}", name, where),
        fmt::format("class {}, '{}', has no training image", *label, dataset.class_names[*label]),
        "Fetch the files again.");
  }
  return dataset;
}

std::vector<std::string_view> datasets_in(const fs::path& folder) {
  std::vector<std::string_view> found;
  if (holds_cifar(cifar10_layout(), folder)) found.push_back("cifar10");
  if (holds_cifar(cifar100_layout(), folder)) found.push_back("cifar100");
  if (holds_idx_dataset(folder)) found.push_back("idx");
  return found;
}

bool is_dataset_name(std::string_view name) {
  return std::ranges::find(known_names, name) != known_names.end();
}

}  // namespace hierevo::data
