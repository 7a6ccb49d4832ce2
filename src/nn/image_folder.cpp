#include "hierevo/nn/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

namespace fs = std::filesystem;

/// What is in a folder but for hidden things, sorted by name.
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

std::vector<fs::path> class_folders(const fs::path& part) {
  const std::vector<fs::path> folders = entries_of(part);
  for (const auto& entry : folders) {
    if (fs::is_directory(entry)) continue;
    throw core::UsageError(
        fmt::format("'{}' is in no folder of a class", entry.string()),
        "the folder that an image is in names its class",
        "Put each image into a folder of its class, or take this file out; for images to test on "
        "--validation-labels FILE may say their classes.");
  }
  if (folders.empty()) {
    throw core::UsageError(fmt::format("There is no folder of a class in '{}'", part.string()), "",
                           "Put the images there into a folder of each class.");
  }
  return folders;
}

bool is_jpeg_by_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return ending == ".jpg" || ending == ".jpeg";
}

void append_images(const fs::path& folder, std::int64_t label, std::vector<LabelledFile>& files) {
  const std::vector<fs::path> entries = entries_of(folder);
  if (entries.empty()) {
    throw core::UsageError(fmt::format("There is no image in '{}'", folder.string()),
                           "a class needs at least one", "Fill this folder or take it out.");
  }
  for (const auto& entry : entries) {
    if (!is_jpeg_by_name(entry)) {
      throw core::UsageError(fmt::format("'{}' is not a JPEG file by its name", entry.string()),
                             "only .jpg and .jpeg, in small or capital letters, are read",
                             "Convert it, or take it out.");
    }
    files.push_back({entry, label});
  }
}

/// Images to test on without folders of their classes.
std::vector<LabelledFile> flat_images(const fs::path& folder, const TestLabelFiles& test_labels,
                                      const std::vector<std::string>& class_names) {
  std::vector<LabelledFile> files;
  append_images(folder, 0, files);
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.path.filename().string());
  const auto labels = read_test_labels(test_labels, names, class_names);
  for (std::size_t i = 0; i < files.size(); ++i) files[i].label = labels[i];
  return files;
}

/// Whether it has images itself, not in folders of their classes.
bool is_flat(const fs::path& folder) {
  const auto entries = entries_of(folder);
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    return is_jpeg_by_name(entry) && !fs::is_directory(entry);
  });
}

bool has_folders(const fs::path& folder) {
  const auto entries = entries_of(folder);
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    return !is_jpeg_by_name(entry) && fs::is_directory(entry);  // there may be many images
  });
}

std::string test_folder_in(const fs::path& folder) {
  std::vector<std::string> found;
  for (const char* name : {"test", "val", "validation"}) {
    if (fs::is_directory(folder / name)) found.emplace_back(name);
  }
  if (found.empty()) return "";
  const fs::path first = folder / found.front();
  const bool passed_over =
      found.size() > 1 && found.front() == "test" && is_flat(first) && !has_folders(first);
  return passed_over ? found[1] : found.front();
}

}  // namespace

bool is_image_folder(const fs::path& folder) {
  return fs::is_directory(folder / "train");
}

ImageFolder scan_image_folder(const fs::path& folder, const TestLabelFiles& test_labels) {
  ImageFolder found;
  std::map<std::string, std::int64_t> labels;
  for (const auto& entry : class_folders(folder / "train")) {
    const auto label = static_cast<std::int64_t>(found.class_names.size());
    found.class_names.push_back(entry.filename().string());
    labels[found.class_names.back()] = label;
    append_images(entry, label, found.train);
  }
  found.test_folder = test_folder_in(folder);
  const bool flat = !found.test_folder.empty() && is_flat(folder / found.test_folder);
  if (!test_labels.labels.empty() && !flat) {
    throw core::UsageError(
        fmt::format("'{}' cannot be used", test_labels.labels.string()),
        fmt::format("no images to test on lie without folders of their classes in '{}'",
                    (folder / (found.test_folder.empty() ? "val" : found.test_folder)).string()),
        "Leave --validation-labels out.");
  }
  if (found.test_folder.empty()) return found;
  if (flat && !test_labels.labels.empty()) {
    found.test = flat_images(folder / found.test_folder, test_labels, found.class_names);
    return found;
  }
  for (const auto& entry : class_folders(folder / found.test_folder)) {
    const auto known = labels.find(entry.filename().string());
    if (known == labels.end()) {
      throw core::UsageError(
          fmt::format("'{}' is a class without images to train on", entry.string()),
          fmt::format("there is no '{}'", (folder / "train" / entry.filename()).string()),
          "Give it some, or take this folder out.");
    }
    append_images(entry, known->second, found.test);
  }
  return found;
}

}  // namespace hierevo::nn
