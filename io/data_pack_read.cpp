#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "data_pack_format.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/io/data_pack.hpp"

namespace hierevo::io {

namespace {

namespace fs = std::filesystem;

void check_format(const h5::File& file) {
  const std::string format = h5::read_fixed_text_attribute(file, "format");
  if (format != data_pack_format) {
    throw h5::Error(fmt::format("its format is '{}' instead of '{}'", format, data_pack_format));
  }
  const auto version = h5::read_attribute<std::uint32_t>(file, "version");
  if (version == 0 || version > data_pack_version) {
    throw h5::Error(fmt::format("its version is {}, and this program reads {} and earlier", version,
                                data_pack_version));
  }
}

/// Reads a part, whose images must have the shape `expected`, if any.
data::Images read_part(const h5::File& file, const char* name, std::size_t class_count,
                       const std::optional<data::ImageShape>& expected) {
  const h5::Group group = h5::open_group(file, name);
  auto labels = h5::read_rows<std::int64_t>(group, "labels", 1);
  const auto classes = static_cast<std::int64_t>(class_count);
  const auto wrong =
      std::find_if(labels.values.begin(), labels.values.end(),
                   [=](std::int64_t label) { return label < 0 || label >= classes; });
  if (wrong != labels.values.end()) {
    throw h5::Error(fmt::format("row {} of /{}/labels is label {} of {} classes",
                                wrong - labels.values.begin(), name, *wrong, classes));
  }
  auto pixels = h5::read_rows<std::uint8_t>(group, "pixels", 4);
  const auto extent = [&](std::size_t axis) {
    return static_cast<std::int64_t>(pixels.shape[axis]);
  };
  const data::ImageShape shape{extent(1), {extent(2), extent(3)}};
  if (pixels.shape[0] != labels.shape[0]) {
    throw h5::Error(fmt::format("/{0}/pixels has {1} rows and /{0}/labels {2}", name,
                                pixels.shape[0], labels.shape[0]));
  }
  if (expected && shape != *expected) {
    throw h5::Error(fmt::format("/{}/pixels has images of another size", name));
  }
  return {shape, std::move(pixels.values), std::move(labels.values)};
}

void require_class_coverage(const data::Dataset& pack) {
  const auto label = data::class_without_image(pack.train.labels, pack.class_names.size());
  if (!label) return;
  throw h5::Error(
      fmt::format("class {}, '{}', has no training image", *label, pack.class_names[*label]));
}

data::Dataset read(const fs::path& path) {
  const h5::Session session;
  const h5::File file = h5::open_file_at(path.string(), h5::packing_of_images);
  check_format(file);
  data::Dataset pack;
  pack.name = h5::read_fixed_text_attribute(file, "source");
  pack.class_names = h5::read_fixed_texts(file, "classes");
  pack.train = read_part(file, "train", pack.class_names.size(), std::nullopt);
  pack.test.shape = pack.train.shape;
  if (HIEREVO_H5(H5Lexists, file, "test", H5P_DEFAULT) > 0) {
    pack.test = read_part(file, "test", pack.class_names.size(), pack.train.shape);
  }
  require_class_coverage(pack);
  return pack;
}

}  // namespace

data::Dataset read_data_pack(const fs::path& path) {
  // HDF5 would wait for the other end of a pipe, and its message about a missing file is unclear.
  std::error_code unreachable;
  if (!fs::is_regular_file(path, unreachable)) {
    throw core::UsageError(fmt::format("There is no file '{}'", path.string()), "",
                           "Make it with hierevo prepare.");
  }
  if (::access(path.c_str(), R_OK) != 0) {
    throw core::UsageError(fmt::format("Cannot read '{}'", path.string()), std::strerror(errno),
                           "Ask its owner for permission.");
  }
  try {
    return read(path);
  } catch (const h5::Error& error) {
    throw core::UsageError(fmt::format("Cannot use '{}'", path.string()), error.what(),
                           "Give a pack that hierevo prepare made; if it is one, make it again.");
  }
}

}  // namespace hierevo::io
