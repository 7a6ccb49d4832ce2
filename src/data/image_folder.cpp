#include "hierevo/data/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "data_file.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"

namespace hierevo::data {

namespace {

namespace fs = std::filesystem;

/// Tiny ImageNet's; beside it lie only boxes and labels.
constexpr const char* inner_folder = "images";

/// The entries of a folder except hidden ones, sorted by name.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  try {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry.path());
    }
  } catch (const fs::filesystem_error& error) {
    throw core::UsageError(fmt::format("Cannot read the folder '{}'", folder.string()),
                           error.code().message());
  }
  std::sort(entries.begin(), entries.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename().native() < b.filename().native();
  });
  return entries;
}

bool is_folder(const fs::path& path) {
  std::error_code error;  // means that it is no folder
  return fs::is_directory(path, error);
}

/// Refuses a broken link: otherwise an unmounted disk, say, would silently remove a class.
void refuse_dead_link(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(fs::symlink_status(path, error)) || fs::exists(path, error)) return;
  throw core::UsageError(fmt::format("'{}' is a broken link", path.string()),
                         fmt::format("'{}' does not exist", fs::read_symlink(path, error).string()),
                         "Fix the link, or remove it.");
}

std::vector<fs::path> class_folders(const fs::path& part) {
  const std::vector<fs::path> folders = entries_of(part);
  for (const auto& entry : folders) {
    if (is_folder(entry)) continue;
    refuse_dead_link(entry);
    throw core::UsageError(
        fmt::format("'{}' is in no class folder", entry.string()),
        "the folder that an image is in names its class",
        "Put each image into a folder of its class, or take this file out; for images to test on "
        "a file of validation labels may say their classes.");
  }
  if (folders.empty()) {
    throw core::UsageError(fmt::format("There is no class folder in '{}'", part.string()), "",
                           "Put the images there into a folder for each class.");
  }
  return folders;
}

bool is_jpeg_by_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return ending == ".jpg" || ending == ".jpeg";
}

/// Whether it has images itself, not in class folders.
bool is_flat(const fs::path& folder) {
  const auto entries = entries_of(folder);
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    return is_jpeg_by_name(entry) && !is_folder(entry);
  });
}

/// The folders in it; its many images are skipped.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders = entries_of(folder);
  std::erase_if(folders,
                [](const fs::path& entry) { return is_jpeg_by_name(entry) || !is_folder(entry); });
  return folders;
}

/// Where the images of `folder` are: there, or where Tiny ImageNet has them.
fs::path place_of_images(const fs::path& folder) {
  const fs::path inner = folder / inner_folder;
  return is_folder(inner) && !is_flat(folder) ? inner : folder;
}

void append_images(const fs::path& folder, std::int64_t label, std::vector<LabelledFile>& files) {
  const std::vector<fs::path> entries = entries_of(folder);
  if (entries.empty()) {
    throw core::UsageError(fmt::format("There is no image in '{}'", folder.string()),
                           "a class needs at least one", "Fill this folder or remove it.");
  }
  for (const auto& entry : entries) {
    if (!is_jpeg_by_name(entry) && is_folder(entry)) {
      throw core::UsageError(fmt::format("'{}' is a folder inside a class folder", entry.string()),
                             "images lie in the folder of their class, or all in a folder images "
                             "in it",
                             "Move its images up, or remove it.");
    }
    if (!is_jpeg_by_name(entry)) {
      throw core::UsageError(fmt::format("'{}' is not a JPEG file by its name", entry.string()),
                             "only .jpg and .jpeg, in lower or upper case, are read",
                             "Convert it, or remove it.");
    }
    files.push_back({entry, label});
  }
}

using Labels = std::map<std::string, std::int64_t>;

/// Where the test images in `part` are when they are in no class folders.
std::optional<fs::path> place_without_classes(const fs::path& part, const Labels& classes) {
  if (is_flat(part)) return part;
  const auto folders = folders_in(part);
  const bool inner = folders.size() == 1 && folders.front().filename() == inner_folder &&
                     !classes.contains(inner_folder) && is_flat(folders.front());
  return inner ? std::optional(folders.front()) : std::nullopt;
}

/// The folder of the test images; empty when there is none.
fs::path test_part(const fs::path& folder, const Labels& classes) {
  std::vector<fs::path> found;
  for (const char* name : {"test", "val", "validation"}) {
    refuse_dead_link(folder / name);
    if (is_folder(folder / name)) found.push_back(folder / name);
  }
  if (found.empty()) return {};
  const fs::path& first = found.front();
  const auto place = place_without_classes(first, classes);
  const bool passed_over = found.size() > 1 && first.filename() == "test" && place &&
                           (*place != first || folders_in(first).empty());
  return passed_over ? found[1] : first;
}

/// Labels of images without class folders: Tiny ImageNet has them beside the images.
ValidationLabelFiles labels_of(const fs::path& part, const ValidationLabelFiles& given) {
  const fs::path own = part / "val_annotations.txt";
  std::error_code error;
  const bool there = given.labels.empty() && fs::is_regular_file(own, error);
  return there ? ValidationLabelFiles{own, {}, {}} : given;
}

/// A folder of images being listed.
class Scan {
 public:
  Scan(const fs::path& folder, const ValidationLabelFiles& validation_labels)
      : folder_(folder), validation_labels_(validation_labels) {}

  ImageFolder run() {
    for (const auto& entry : class_folders(folder_ / "train")) {
      labels_[entry.filename().string()] = std::ssize(found_.class_names);
      append_images(place_of_images(entry), std::ssize(found_.class_names), found_.train);
      found_.class_names.push_back(entry.filename().string());
    }
    const fs::path part = test_part(folder_, labels_);
    if (!part.empty()) found_.test_folder = part.filename().string();
    name_unused();
    const auto place = part.empty() ? std::nullopt : place_without_classes(part, labels_);
    if (!validation_labels_.labels.empty() && !place) refuse_labels();
    if (place) {
      add_without_classes(part, *place);
    } else if (!part.empty()) {
      add_classes(part);
    }
    return std::move(found_);
  }

 private:
  void name_unused() {
    for (const auto& folder : folders_in(folder_)) {
      const std::string name = folder.filename().string();
      if (name != "train" && name != found_.test_folder) found_.unused.push_back(name);
    }
  }

  [[noreturn]] void refuse_labels() const {
    throw core::UsageError(
        fmt::format("'{}' cannot be used", validation_labels_.labels.string()),
        fmt::format("no test images lie outside class folders in '{}'",
                    (folder_ / (found_.test_folder.empty() ? "val" : found_.test_folder)).string()),
        "Leave the file of validation labels out.");
  }

  void add_without_classes(const fs::path& part, const fs::path& place) {
    const ValidationLabelFiles files = labels_of(part, validation_labels_);
    if (files.labels.empty()) static_cast<void>(class_folders(place));  // refuses them
    found_.test_folder = place.lexically_relative(folder_).string();
    append_images(place, 0, found_.test);
    std::vector<std::string> names;
    for (const auto& file : found_.test) names.push_back(file.path.filename().string());
    const ValidationLabels labels = read_validation_labels(files, names, found_.class_names);
    for (std::size_t i = 0; i < names.size(); ++i) found_.test[i].label = labels.labels[i];
    found_.label_assumption = labels.assumption;
  }

  void add_classes(const fs::path& part) {
    for (const auto& entry : class_folders(part)) {
      const auto known = labels_.find(entry.filename().string());
      if (known == labels_.end()) {
        throw core::UsageError(
            fmt::format("'{}' is a class without training images", entry.string()),
            fmt::format("there is no '{}'", (folder_ / "train" / entry.filename()).string()),
            "Add some, or remove this folder.");
      }
      append_images(place_of_images(entry), known->second, found_.test);
    }
  }

  const fs::path& folder_;
  const ValidationLabelFiles& validation_labels_;
  Labels labels_;
  ImageFolder found_;
};

/// Whether an open or a read failed because the path is no usable file: with 0, a pipe, say.
bool is_no_file(int system_error) {
  return system_error == 0 || system_error == ENOENT || system_error == ELOOP ||
         system_error == EISDIR || system_error == EFBIG;
}

}  // namespace

bool is_image_folder(const fs::path& folder) {
  return fs::is_directory(folder / "train");
}

ImageFolder scan_image_folder(const fs::path& folder,
                              const ValidationLabelFiles& validation_labels) {
  return Scan(folder, validation_labels).run();
}

ImageBytes read_image_bytes(const fs::path& path) {
  try {
    return {core::read_file(path, longest_data_file), ""};
  } catch (const core::IoError& error) {
    if (!is_no_file(error.system_error())) throw core::UsageError(error.what());
    std::error_code gone;
    const bool link = fs::is_symlink(fs::symlink_status(path, gone));
    const std::string why = error.system_error() == 0 ? "it is not a regular file"
                                                      : std::strerror(error.system_error());
    return {
        {},
        link ? fmt::format("a link to '{}': {}", fs::read_symlink(path, gone).string(), why) : why};
  }
}

}  // namespace hierevo::data
