// Label files as people have them, read as lines of words.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::data {

struct LabelLine {
  std::size_t number;              ///< from 1
  std::vector<std::string> words;  ///< at least one
};

/// The lines that are not empty. Throws UsageError when the file cannot be read or begins with the
/// mark of UTF-16.
std::vector<LabelLine> read_label_lines(const std::filesystem::path& path);

/// Throws the UsageError about a line of this file.
[[noreturn]] void refuse_label_line(const std::filesystem::path& path, std::size_t number,
                                    std::string_view why);

}  // namespace hierevo::data
