#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/data/images.hpp"

namespace hierevo::data {

/// A data set as its publishers split it. The images of both parts have the same shape, and every
/// class has a training image.
struct Dataset {
  std::string name;
  std::vector<std::string> class_names;  ///< in the order of the labels
  Images train;
  Images test;  ///< without images where there is no such part

  /// Number of classes.
  int classes() const { return static_cast<int>(class_names.size()); }
};

/// Reads a data set by its name from the publishers' files in `data_dir`:
/// - "fashion-mnist", from where Debian's package puts it when `data_dir` is empty, "mnist", and
///   "idx", any other of that family, whose classes are counted; files gzipped (NAME.gz) or not;
/// - "cifar10" and "cifar100" (fine labels) in the binary version; `data_dir` is the folder that
///   the archive makes, or the one around it.
///
/// Throws UsageError that names the file and the offset for anything that differs from what was
/// published: wrong magic, short or overlong file, damaged gzip, label out of range; and one that
/// names the class for a class without an image.
Dataset load_dataset(std::string_view name, const std::filesystem::path& data_dir);

/// Whether load_dataset() knows data of this name.
bool is_dataset_name(std::string_view name);

/// The names by which load_dataset() reads what lies in `folder`: those of "cifar10", "cifar100"
/// and "idx", in this order, that are there.
std::vector<std::string_view> datasets_in(const std::filesystem::path& folder);

}  // namespace hierevo::data
