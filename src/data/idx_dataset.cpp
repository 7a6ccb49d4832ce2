#include "idx_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "data_file.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "idx.hpp"
#include "numbered_names.hpp"

namespace hierevo::data {

namespace {

namespace fs = std::filesystem;

/// The two files of a part, which is "train" or "t10k", as the publishers name them.
struct IdxPart {
  fs::path label_path;
  IdxArray images;
  IdxArray labels;
};

/// `name` in `folder`, gzipped or not; the gzipped one where neither exists.
fs::path file_in(const fs::path& folder, std::string_view name) {
  const fs::path packed = folder / fmt::format("{}.gz", name);
  return !core::path_exists(packed) && core::path_exists(folder / name) ? folder / name : packed;
}

fs::path existing_file(const fs::path& folder, std::string_view name,
                       const std::string& suggestion) {
  fs::path path = file_in(folder, name);
  if (core::path_exists(path)) return path;
  throw core::UsageError(fmt::format("There is no '{}'", path.string()),
                         "and no unpacked one either", suggestion);
}

IdxPart read_part(const fs::path& folder, std::string_view part, const std::string& suggestion) {
  const fs::path image_path =
      existing_file(folder, fmt::format("{}-images-idx3-ubyte", part), suggestion);
  const fs::path label_path =
      existing_file(folder, fmt::format("{}-labels-idx1-ubyte", part), suggestion);
  IdxPart read{label_path, read_idx(image_path, 3), read_idx(label_path, 1)};
  if (read.images.shape[0] != read.labels.shape[0]) {
    throw core::UsageError(fmt::format("'{}' and '{}' do not belong together", image_path.string(),
                                       label_path.string()),
                           fmt::format("at byte 4: {} images, but {} labels", read.images.shape[0],
                                       read.labels.shape[0]),
                           "Fetch both files again.");
  }
  return read;
}

void check_labels(const IdxPart& part, std::size_t classes) {
  const auto& labels = part.labels.values;
  const auto wrong = std::find_if(labels.begin(), labels.end(),
                                  [classes](std::uint8_t label) { return label >= classes; });
  if (wrong == labels.end()) return;
  refuse_data_file(part.label_path,
                   part.labels.offset_of(static_cast<std::size_t>(wrong - labels.begin())),
                   fmt::format("label {}, but the {} classes count from 0", int{*wrong}, classes));
}

Images to_images(IdxPart part) {
  const auto& labels = part.labels.values;
  return {{1, {part.images.shape[1], part.images.shape[2]}},
          std::move(part.images.values),
          {labels.begin(), labels.end()}};
}

}  // namespace

bool holds_idx_dataset(const fs::path& folder) {
  return core::path_exists(file_in(folder, "train-images-idx3-ubyte"));
}

Dataset load_idx_dataset(const fs::path& folder, IdxPublication about) {
  IdxPart train = read_part(folder, "train", about.suggestion);
  IdxPart test = read_part(folder, "t10k", about.suggestion);
  if (about.class_names.empty()) {
    const auto& labels = train.labels.values;
    about.class_names = numbered_names(1 + *std::max_element(labels.begin(), labels.end()));
  }
  check_labels(train, about.class_names.size());
  check_labels(test, about.class_names.size());
  Dataset dataset{.name = std::move(about.name),
                  .class_names = std::move(about.class_names),
                  .train = to_images(std::move(train)),
                  .test = to_images(std::move(test))};
  const ImageSize train_size = dataset.train.shape.size;
  const ImageSize test_size = dataset.test.shape.size;
  if (train_size != test_size) {
    throw core::UsageError(
        fmt::format("The training and test images in '{}' differ in size", folder.string()),
        fmt::format("at byte 8: {}×{} and {}×{}", train_size.height, train_size.width,
                    test_size.height, test_size.width),
        "Fetch the files again.");
  }
  return dataset;
}

}  // namespace hierevo::data
