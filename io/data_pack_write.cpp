#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "data_pack_format.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/io/data_pack.hpp"
#include "new_file.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

namespace fs = std::filesystem;

/// A part that is being written.
struct PartWriter {
  PartWriter(const h5::File& file, const char* name, const ImageShape& image, std::size_t count)
      : shape{count, image.channels, image.height, image.width},
        group(h5::create_group(file, name)),
        pixels(h5::create_rows<std::uint8_t>(group, "pixels", shape)),
        labels(h5::create_rows<std::int64_t>(group, "labels", std::span(shape).first(1))) {}

  std::array<std::size_t, 4> shape;
  h5::Group group;
  h5::Dataset pixels;
  h5::Dataset labels;
  std::size_t written = 0;
};

[[noreturn]] void refuse_existing(const fs::path& path) {
  throw core::UsageError(fmt::format("'{}' is already there", path.string()),
                         "files are not written over", "Give another name, or remove it.");
}

}  // namespace

struct DataPackWriter::Impl {
  NewFile file;
  ImageShape image;
  std::size_t classes;
  std::optional<PartWriter> train;
  std::optional<PartWriter> test;

  Impl(fs::path path, const DataPackInfo& info)
      : file(std::move(path)), image(info.image), classes(info.class_names.size()) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    const h5::Session session;
    close_parts();
  }

  void create(const h5::File& opened, const DataPackInfo& info, std::size_t train_count,
              std::size_t test_count) {
    h5::write_fixed_text_attribute(opened, "format", data_pack_format);
    h5::write_attribute<std::uint32_t>(opened, "version", data_pack_version);
    h5::write_fixed_text_attribute(opened, "program", core::version());
    h5::write_fixed_text_attribute(opened, "source", to_utf8(info.source));
    std::vector<std::string> names(info.class_names.size());
    std::transform(info.class_names.begin(), info.class_names.end(), names.begin(), to_utf8);
    h5::write_fixed_texts(opened, "classes", names);
    train.emplace(opened, "train", image, train_count);
    if (test_count > 0) test.emplace(opened, "test", image, test_count);
  }
  void close_parts() {
    train.reset();
    test.reset();
  }
};

DataPackWriter::DataPackWriter(fs::path path, const DataPackInfo& info, std::size_t train,
                               std::size_t test) {
  if (fs::exists(path)) refuse_existing(path);
  if (train == 0 || info.class_names.empty() || info.image.bytes() == 0) {
    throw core::InternalError("a pack needs images and classes");
  }
  impl_ = std::make_unique<Impl>(std::move(path), info);
  impl_->file.write([&](const h5::File& file) { impl_->create(file, info, train, test); });
}

DataPackWriter::~DataPackWriter() = default;

void DataPackWriter::append(Part part, std::span<const std::uint8_t> pixels,
                            std::span<const std::int64_t> labels) {
  if (pixels.empty() && labels.empty()) return;
  auto& writer = part == Part::train ? impl_->train : impl_->test;
  const auto in_range = [&](std::int64_t label) {
    return label >= 0 && label < static_cast<std::int64_t>(impl_->classes);
  };
  if (!writer || writer->written + labels.size() > writer->shape[0] ||
      pixels.size() != labels.size() * impl_->image.bytes() ||
      !std::all_of(labels.begin(), labels.end(), in_range)) {
    throw core::InternalError("images that were not announced, or labels out of range");
  }
  impl_->file.write([&](const h5::File&) {
    h5::write_rows(writer->pixels, writer->shape, writer->written, pixels);
    h5::write_rows(writer->labels, std::span(writer->shape).first(1), writer->written, labels);
  });
  writer->written += labels.size();
}

void DataPackWriter::finish() {
  for (const auto* part : {&impl_->train, &impl_->test}) {
    if (*part && (*part)->written != (*part)->shape[0]) {
      throw core::InternalError("fewer images than were announced");
    }
  }
  impl_->file.write([this](const h5::File&) { impl_->close_parts(); });
  if (!impl_->file.publish()) refuse_existing(impl_->file.path());
}

}  // namespace hierevo::io
