#include "hierevo/nn/test_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"

namespace hierevo::nn {

namespace {

namespace fs = std::filesystem;

/// A line's words; commas part words, too.
struct Line {
  std::size_t number;  ///< from 1
  std::vector<std::string> words;
};

std::vector<Line> lines_of(const fs::path& path) {
  std::string text;
  try {
    text = core::read_text_file(path, std::size_t{1} << 28);
  } catch (const core::IoError& error) {
    throw core::UsageError(error.what());
  }
  std::vector<Line> lines;
  std::string word;
  Line line{1, {}};
  const auto end_word = [&] {
    if (!word.empty()) line.words.push_back(std::move(word));
    word.clear();
  };
  text += '\n';
  for (const char letter : text) {
    const bool space = std::isspace(static_cast<unsigned char>(letter)) != 0 || letter == ',';
    if (!space) word += letter;
    if (space) end_word();
    if (letter != '\n') continue;
    if (!line.words.empty()) lines.push_back(line);
    line = {line.number + 1, {}};
  }
  return lines;
}

[[noreturn]] void refuse_line(const fs::path& path, const Line& line, std::string_view why) {
  throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                         fmt::format("line {}: {}", line.number, why),
                         "See --validation-labels in hierevo prepare --help.");
}

std::optional<std::size_t> number_in(std::string_view word) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::string stem_of(const std::string& name) {
  return fs::path(name).stem().string();
}

/// Turns what stands for a class into its label.
class Classes {
 public:
  Classes(const TestLabelFiles& files, std::span<const std::string> names) : files_(files) {
    for (std::size_t i = 0; i < names.size(); ++i) labels_[names[i]] = static_cast<std::int64_t>(i);
    if (files.synsets.empty()) return;
    for (const Line& line : lines_of(files.synsets)) {
      by_number_.push_back(of_name(files.synsets, line, line.words.front()));
    }
  }

  void count_from_zero() { first_number_ = 0; }

  std::int64_t of(const Line& line, const std::string& word) const {
    const bool known = labels_.contains(word);
    const auto number = number_in(word);
    if (known || !number) return of_name(files_.labels, line, word);
    if (files_.synsets.empty()) {
      refuse_line(files_.labels, line,
                  fmt::format("'{}' is a number, and --synsets does not say of which class", word));
    }
    if (*number < first_number_ || *number - first_number_ >= by_number_.size()) {
      refuse_line(files_.labels, line, fmt::format("class {} of {}", *number, by_number_.size()));
    }
    return by_number_[*number - first_number_];
  }

 private:
  std::int64_t of_name(const fs::path& path, const Line& line, const std::string& name) const {
    const auto found = labels_.find(name);
    if (found == labels_.end()) {
      refuse_line(path, line, fmt::format("'{}' is no class with images to train on", name));
    }
    return found->second;
  }

  TestLabelFiles files_;
  std::map<std::string, std::int64_t> labels_;
  std::vector<std::int64_t> by_number_;
  std::size_t first_number_ = 1;
};

/// A class a line, in the order of the images.
std::vector<std::int64_t> in_order(const std::vector<Line>& lines, const fs::path& path,
                                   std::size_t images, const Classes& classes) {
  if (lines.size() != images) {
    throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                           fmt::format("it has {} classes for {} images", lines.size(), images),
                           "Give the file that belongs to these images.");
  }
  std::vector<std::int64_t> labels;
  for (const Line& line : lines) labels.push_back(classes.of(line, line.words.front()));
  return labels;
}

/// NAME CLASS a line, in any order; more words may follow.
std::vector<std::int64_t> by_name(const std::vector<Line>& lines, const fs::path& path,
                                  std::span<const std::string> images, const Classes& classes) {
  std::map<std::string, std::int64_t> found;
  for (const Line& line : lines) {
    if (line.words.size() < 2) refuse_line(path, line, "an image without a class");
    const bool heading = line.number == 1 && line.words[0] == "ImageId";
    if (!heading) found[stem_of(line.words[0])] = classes.of(line, line.words[1]);
  }
  std::vector<std::int64_t> labels;
  for (const auto& image : images) {
    const auto label = found.find(stem_of(image));
    if (label == found.end()) {
      throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                             fmt::format("it has no class for '{}'", image),
                             "Give the file that belongs to these images.");
    }
    labels.push_back(label->second);
  }
  return labels;
}

}  // namespace

std::vector<std::int64_t> read_test_labels(const TestLabelFiles& files,
                                           std::span<const std::string> images,
                                           std::span<const std::string> class_names) {
  const std::vector<Line> lines = lines_of(files.labels);
  const bool named = std::any_of(lines.begin(), lines.end(),
                                 [](const Line& line) { return line.words.size() > 1; });
  Classes classes(files, class_names);
  const auto is_zero = [&](const Line& line) {
    return number_in(line.words[line.words.size() > 1 ? 1 : 0]) == std::size_t{0};
  };
  if (std::any_of(lines.begin(), lines.end(), is_zero)) classes.count_from_zero();
  return named ? by_name(lines, files.labels, images, classes)
               : in_order(lines, files.labels, images.size(), classes);
}

}  // namespace hierevo::nn
