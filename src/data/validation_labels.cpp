#include "hierevo/data/validation_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/numbers.hpp"
#include "label_lines.hpp"

namespace hierevo::data {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_file(const fs::path& path, std::string_view why,
                              std::string_view suggestion) {
  throw core::UsageError(fmt::format("Cannot use '{}'", path.string()), why, suggestion);
}

std::string stem_of(const std::string& name) {
  return fs::path(name).stem().string();
}

/// A word for a class, and the image that it is for where that is named.
struct Entry {
  std::size_t line;
  std::string image;
  std::string word;
  std::int64_t label = 0;
};

/// Turns words for classes into labels.
class Classes {
 public:
  Classes(const ValidationLabelFiles& files, std::span<const std::string> names) : files_(files) {
    for (std::size_t i = 0; i < names.size(); ++i) labels_[names[i]] = static_cast<std::int64_t>(i);
    if (!files.synsets.empty()) read_synsets();
  }

  /// Returns the assumption that was made, if any.
  std::string label(std::vector<Entry>& entries) {
    std::string assumption = choose_first_number(entries);
    for (Entry& entry : entries) entry.label = label_of(entry);
    return assumption;
  }

 private:
  void read_synsets() {
    std::map<std::int64_t, std::size_t> lines;
    for (const LabelLine& line : read_label_lines(files_.synsets)) {
      const std::int64_t label = of_name(files_.synsets, line.number, line.words.front());
      const auto [first, is_new] = lines.emplace(label, line.number);
      if (!is_new) {
        refuse_label_line(
            files_.synsets, line.number,
            fmt::format("'{}' is already in line {}", line.words.front(), first->second));
      }
      by_number_.push_back(label);
    }
  }

  bool counts(const Entry& entry) const {
    return !by_number_.empty() && !labels_.contains(entry.word) &&
           core::parse_number<std::size_t>(entry.word);
  }

  std::string choose_first_number(std::span<const Entry> entries) {
    if (files_.first_number) {
      first_number_ = *files_.first_number;
      return "";
    }
    std::size_t largest = 0;
    bool any = false;
    for (const Entry& entry : entries) {
      if (!counts(entry)) continue;
      const std::size_t number = *core::parse_number<std::size_t>(entry.word);
      any = true;
      largest = std::max(largest, number);
      if (number > 0) continue;
      first_number_ = 0;
      return fmt::format("classes are assumed to count from 0, as line {} has a 0", entry.line);
    }
    if (!any || largest > by_number_.size()) return "";
    if (largest == by_number_.size()) {
      return fmt::format("classes are assumed to count from 1, as there is a {}", largest);
    }
    throw core::FieldError(
        "first_number", "is not given",
        fmt::format("the classes of '{}' may count from 0 or from 1, as neither 0 nor {} occurs",
                    files_.labels.string(), by_number_.size()),
        "Give 0 or 1.");
  }

  std::int64_t label_of(const Entry& entry) const {
    const bool known = labels_.contains(entry.word);
    const auto number = core::parse_number<std::size_t>(entry.word);
    const auto refuse = [&](std::string_view why) {
      refuse_label_line(files_.labels, entry.line, why);
    };
    if (known && number && !by_number_.empty()) {
      refuse(fmt::format("'{}' may be the name of a class or a number of the synsets", entry.word));
    }
    if (known || !number) return of_name(files_.labels, entry.line, entry.word);
    if (files_.synsets.empty()) {
      refuse(fmt::format("'{}' is a number, and no synsets say of which class", entry.word));
    }
    if (*number < first_number_ || *number - first_number_ >= by_number_.size()) {
      refuse(fmt::format("class {}, but the {} classes count from {}", *number, by_number_.size(),
                         first_number_));
    }
    return by_number_[*number - first_number_];
  }

  std::int64_t of_name(const fs::path& path, std::size_t line, const std::string& name) const {
    const auto found = labels_.find(name);
    if (found == labels_.end()) {
      refuse_label_line(path, line, fmt::format("'{}' is not a class with training images", name));
    }
    return found->second;
  }

  ValidationLabelFiles files_;
  std::map<std::string, std::int64_t> labels_;
  std::vector<std::int64_t> by_number_;
  std::size_t first_number_ = 1;
};

/// Entries by the names that they give images, in any order, perhaps of other images.
class ByName {
 public:
  ByName(const fs::path& path, std::span<const Entry> entries, std::span<const std::string> images)
      : path_(path) {
    const std::set<std::string> names(images.begin(), images.end());
    for (const std::string& image : images) ++images_of_stem_[stem_of(image)];
    for (const Entry& entry : entries) {
      const Entry*& same = by_name_[entry.image];
      if (same != nullptr) require_agreement(*same, entry, entry.image);
      if (same == nullptr) same = &entry;
      const std::string stem = stem_of(entry.image);
      if (stem != entry.image && !names.contains(entry.image)) by_stem_[stem].push_back(&entry);
    }
  }

  std::int64_t label_of(const std::string& image) const {
    const std::string stem = stem_of(image);
    const bool only = images_of_stem_.at(stem) == 1;
    const Entry* named = find(image);
    const Entry* shortly = find(stem);  // without its extension
    if (named != nullptr && shortly != nullptr && only) require_agreement(*named, *shortly, image);
    if (named != nullptr) return named->label;
    const auto others = by_stem_.find(stem);  // with another extension
    if (shortly == nullptr && others != by_stem_.end()) {
      shortly = others->second.front();
      for (const Entry* other : others->second) require_agreement(*shortly, *other, image);
    }
    if (shortly == nullptr) refuse_missing(image);
    if (!only) {
      refuse_label_line(path_, shortly->line,
                        fmt::format("'{}' could be '{}' or another image", shortly->image, image));
    }
    return shortly->label;
  }

 private:
  const Entry* find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

  void require_agreement(const Entry& one, const Entry& other, const std::string& image) const {
    if (one.label == other.label) return;
    const auto [first, second] = std::minmax(one.line, other.line);
    refuse_label_line(path_, second,
                      fmt::format("'{}' has another class in line {}", image, first));
  }

  [[noreturn]] void refuse_missing(const std::string& image) const {
    refuse_file(path_, fmt::format("it gives no class for '{}'", image),
                "Give the file that belongs to these images.");
  }

  const fs::path& path_;
  std::map<std::string, const Entry*> by_name_;
  std::map<std::string, std::vector<const Entry*>> by_stem_;  ///< of no image's full name
  std::map<std::string, std::size_t> images_of_stem_;
};

/// `named`: each line names its image, and more words may follow.
std::vector<Entry> entries_of(const fs::path& path, std::span<const LabelLine> lines, bool named) {
  std::vector<Entry> entries;
  for (const LabelLine& line : lines) {
    if (named && line.words.size() < 2) {
      refuse_label_line(path, line.number, "an image without a class");
    }
    const bool heading = named && line.number == 1 && line.words[0] == "ImageId";
    if (heading) continue;
    entries.push_back({line.number, named ? fs::path(line.words[0]).filename().string() : "",
                       line.words[named ? 1 : 0]});
  }
  return entries;
}

}  // namespace

ValidationLabels read_validation_labels(const ValidationLabelFiles& files,
                                        std::span<const std::string> images,
                                        std::span<const std::string> class_names) {
  const std::vector<LabelLine> lines = read_label_lines(files.labels);
  const bool named = std::any_of(lines.begin(), lines.end(),
                                 [](const LabelLine& line) { return line.words.size() > 1; });
  std::vector<Entry> entries = entries_of(files.labels, lines, named);
  if (!named && entries.size() != images.size()) {
    refuse_file(files.labels,
                fmt::format("it has {} classes for {} images", entries.size(), images.size()),
                "Give the file that belongs to these images.");
  }
  ValidationLabels found;
  found.assumption = Classes(files, class_names).label(entries);
  if (named) {
    const ByName by_name(files.labels, entries, images);
    for (const std::string& image : images) found.labels.push_back(by_name.label_of(image));
  } else {
    for (const Entry& entry : entries) found.labels.push_back(entry.label);
  }
  return found;
}

}  // namespace hierevo::data
