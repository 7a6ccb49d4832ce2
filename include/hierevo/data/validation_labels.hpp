#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hierevo::data {

/// Where the classes of images to test on stand that lie in no folder of their class. Both files
/// are UTF-8, perhaps with a mark of that in front and with any ends of lines; words are parted by
/// spaces, commas and semicolons, unless they stand in double quotes.
struct ValidationLabelFiles {
  /// A class a line for each image in the order of their names, as a number or as the name of a
  /// class; or NAME CLASS a line; or ILSVRC's LOC_val_solution.csv. Empty: there are folders.
  std::filesystem::path labels;
  /// Names of the classes in the order of the numbers, one a line; what follows a name in its line
  /// is passed over. Empty: labels are names.
  std::filesystem::path synsets;
  /// The number of the first class in `synsets`. Nothing: 0 where a 0 occurs, 1 where the number of
  /// classes occurs; where neither does, labels are refused.
  std::optional<std::size_t> first_number = {};
};

struct ValidationLabels {
  std::vector<std::int64_t> labels;
  std::string
      assumption;  ///< where numbers were taken to count from, and why; empty: none was made
};

/// The class of each of `images`, which are file names in order. In NAME CLASS lines, NAME is that
/// of a file, with or without a path before it, or what one alone of the images is called without
/// its ending. Throws UsageError that names the line for what is unknown, missing or too much, for
/// an image with two classes, and for a name that two images may have.
ValidationLabels read_validation_labels(const ValidationLabelFiles& files,
                                        std::span<const std::string> images,
                                        std::span<const std::string> class_names);

}  // namespace hierevo::data
