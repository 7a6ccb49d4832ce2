#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace hierevo::nn {

/// Where the classes of images to test on stand that lie in no folder of their class.
struct TestLabelFiles {
  /// A class a line for each image in the order of their names, as a number or as the name of a
  /// class; or NAME CLASS a line; or ILSVRC's LOC_val_solution.csv. Empty: there are folders.
  std::filesystem::path labels;
  /// Names of the classes in the order of the numbers, one a line; what follows a name in its line
  /// is passed over. Numbers count from 1, or from 0 when there is a 0. Empty: labels are names.
  std::filesystem::path synsets;
};

/// The class of each of `images`, which are file names in order. Throws UsageError that names the
/// line for what is unknown, missing or too much.
std::vector<std::int64_t> read_test_labels(const TestLabelFiles& files,
                                           std::span<const std::string> images,
                                           std::span<const std::string> class_names);

}  // namespace hierevo::nn
