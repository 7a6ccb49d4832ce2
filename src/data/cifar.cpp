#include "cifar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <sstream>
#include <utility>

#include "data_file.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "numbered_names.hpp"

namespace hierevo::data {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t side = 32;
constexpr std::size_t pixel_bytes = 3 * side * side;

fs::path folder_of(const CifarLayout& layout, const fs::path& data_dir) {
  const fs::path inner = data_dir / layout.folder;
  return core::path_exists(inner / layout.train_files.front()) ? inner : data_dir;
}

/// Reads the records of one file into the images from `first` on.
void read_records(const CifarLayout& layout, const fs::path& path, std::size_t records,
                  std::size_t first, Images& images) {
  if (!core::path_exists(path)) {
    throw core::UsageError(fmt::format("There is no '{}'", path.string()), "",
                           fmt::format("Unpack {}, and give that folder.", layout.archive));
  }
  const std::vector<std::byte> file = read_data_file(path);
  const std::size_t label_bytes = layout.label_classes.size();
  const std::size_t record = label_bytes + pixel_bytes;
  if (file.size() != records * record) {
    refuse_data_file(path, std::min(file.size(), records * record),
                     fmt::format("{} bytes in total; {} records of {} bytes make {}", file.size(),
                                 records, record, records * record));
  }
  std::uint8_t* pixels = images.pixels.data() + first * pixel_bytes;
  std::int64_t* labels = images.labels.data() + first;
  for (std::size_t i = 0; i < records; ++i) {
    for (std::size_t j = 0; j < label_bytes; ++j) {
      const auto label = std::to_integer<int>(file[i * record + j]);
      if (label >= layout.label_classes[j]) {
        refuse_data_file(path, i * record + j,
                         fmt::format("label {}, but the {} classes count from 0", label,
                                     layout.label_classes[j]));
      }
      labels[i] = label;
    }
    std::memcpy(pixels + i * pixel_bytes, &file[i * record + label_bytes], pixel_bytes);
  }
}

Images read_files(const CifarLayout& layout, const fs::path& folder,
                  const std::vector<std::string>& files, std::size_t records) {
  Images images{{3, {side, side}}, {}, {}};
  images.pixels.resize(files.size() * records * pixel_bytes);
  images.labels.resize(files.size() * records);
  for (std::size_t i = 0; i < files.size(); ++i) {
    read_records(layout, folder / files[i], records, i * records, images);
  }
  return images;
}

/// Packs have room for no longer ones.
constexpr std::size_t longest_class_name = 4096;

/// The publisher's names where their file exists, else numbers.
std::vector<std::string> class_names(const CifarLayout& layout, const fs::path& folder) {
  const int classes = layout.label_classes.back();
  const fs::path path = folder / layout.names_file;
  if (!core::path_exists(path)) return numbered_names(classes);
  std::vector<std::string> names;
  const std::vector<std::byte> file = read_data_file(path);
  std::istringstream lines(std::string(reinterpret_cast<const char*>(file.data()), file.size()));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() > longest_class_name) {
      refuse_data_file(
          path, 0,
          fmt::format("a name of {} bytes, more than {}", line.size(), longest_class_name));
    }
    if (!line.empty()) names.push_back(line);
  }
  if (names.size() != static_cast<std::size_t>(classes)) {
    refuse_data_file(path, file.size(),
                     fmt::format("{} names of {} classes", names.size(), classes));
  }
  return names;
}

}  // namespace

CifarLayout cifar10_layout() {
  return {.name = "cifar10",
          .folder = "cifar-10-batches-bin",
          .archive = "cifar-10-binary.tar.gz",
          .names_file = "batches.meta.txt",
          .label_classes = {10},
          .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                          "data_batch_4.bin", "data_batch_5.bin"},
          .test_file = "test_batch.bin"};
}

CifarLayout cifar100_layout() {
  return {.name = "cifar100",
          .folder = "cifar-100-binary",
          .archive = "cifar-100-binary.tar.gz",
          .names_file = "fine_label_names.txt",
          .label_classes = {20, 100},
          .train_files = {"train.bin"},
          .test_file = "test.bin",
          .train_records = 50'000};
}

bool holds_cifar(const CifarLayout& layout, const fs::path& data_dir) {
  return core::path_exists(folder_of(layout, data_dir) / layout.train_files.front());
}

Dataset load_cifar(const CifarLayout& layout, const fs::path& data_dir) {
  if (data_dir.empty()) {
    throw core::FieldError(
        "data_dir", "is empty", fmt::format("no package contains {}", layout.name),
        fmt::format("Get {} from its publisher, the University of Toronto, unpack it, and give "
                    "the folder.",
                    layout.archive));
  }
  const fs::path folder = folder_of(layout, data_dir);
  return {.name = layout.name,
          .class_names = class_names(layout, folder),
          .train = read_files(layout, folder, layout.train_files, layout.train_records),
          .test = read_files(layout, folder, {layout.test_file}, layout.test_records)};
}

}  // namespace hierevo::data
