#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hierevo::data {

/// The files with the classes of test images that are in no class folder. Both files are UTF-8,
/// with or without a byte order mark and with any line ends; words are separated by spaces, commas
/// and semicolons, except within double quotes.
struct ValidationLabelFiles {
  /// One class per line for each image in the order of their names, as a number or as the name of a
  /// class; or lines of NAME CLASS; or ILSVRC's LOC_val_solution.csv. Empty: there are folders.
  std::filesystem::path labels;
  /// Names of the classes in the order of the numbers, one per line; what follows a name in its
  /// line is ignored. Empty: labels are names.
  std::filesystem::path synsets;
  /// The number of the first class in `synsets`. Nothing: 0 where a 0 occurs, 1 where the number of
  /// classes occurs; where neither does, labels are refused.
  std::optional<std::size_t> first_number = {};
};

/// The classes of test images, as read_validation_labels() finds them.
struct ValidationLabels {
  std::vector<std::int64_t> labels;
  std::string assumption;  ///< whether numbers count from 0 or 1, and why; empty: none was made
};

/// The class of each of `images`, which are file names in order. In NAME CLASS lines, NAME is that
/// of a file, with or without a path before it, or a name without extension that only one of the
/// images has. Throws UsageError that names the line for what is unknown, missing or superfluous,
/// for an image with two classes, and for an ambiguous name.
ValidationLabels read_validation_labels(const ValidationLabelFiles& files,
                                        std::span<const std::string> images,
                                        std::span<const std::string> class_names);

}  // namespace hierevo::data
