#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hierevo/data/dataset.hpp"

namespace hierevo::data {

/// What is known of a data set in four IDX files besides what these say.
struct IdxPublication {
  std::string name;
  std::vector<std::string> class_names;  ///< empty: as many as the training labels count
  std::string suggestion;                ///< how to get the files
};

/// Whether the images to train on lie in `folder`, gzipped or not.
bool holds_idx_dataset(const std::filesystem::path& folder);

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k. Throws UsageError
/// that names the file and the offset.
Dataset load_idx_dataset(const std::filesystem::path& folder, IdxPublication about);

}  // namespace hierevo::data
