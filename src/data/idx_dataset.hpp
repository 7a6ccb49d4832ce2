#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hierevo/data/dataset.hpp"

namespace hierevo::data {

/// What is known about a data set in four IDX files beyond their content.
struct IdxPublication {
  std::string name;
  std::vector<std::string> class_names;  ///< empty: counted from the training labels
  std::string suggestion;                ///< how to get the files
};

/// Whether the training images are in `folder`, gzipped or not.
bool holds_idx_dataset(const std::filesystem::path& folder);

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k. Throws UsageError
/// that names the file and the offset.
Dataset load_idx_dataset(const std::filesystem::path& folder, IdxPublication about);

}  // namespace hierevo::data
