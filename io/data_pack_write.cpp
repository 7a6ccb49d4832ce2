#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "data_pack_format.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/io/data_pack.hpp"
#include "utf8.hpp"
#include "writing.hpp"

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
  fs::path path;
  fs::path temporary;
  ImageShape image;
  std::size_t classes = 0;
  std::optional<h5::File> file;
  std::optional<PartWriter> train;
  std::optional<PartWriter> test;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    const h5::Session session;
    close();
    std::error_code gone;  // as it is after finish()
    fs::remove(temporary, gone);
  }

  void create(const DataPackInfo& info, std::size_t train_count, std::size_t test_count) {
    file.emplace(h5::create_file_at(temporary.string()));
    h5::write_fixed_text_attribute(*file, "format", data_pack_format);
    h5::write_attribute<std::uint32_t>(*file, "version", data_pack_version);
    h5::write_fixed_text_attribute(*file, "program", core::version());
    h5::write_fixed_text_attribute(*file, "source", to_utf8(info.source));
    std::vector<std::string> names(info.class_names.size());
    std::transform(info.class_names.begin(), info.class_names.end(), names.begin(), to_utf8);
    h5::write_fixed_texts(*file, "classes", names);
    train.emplace(*file, "train", image, train_count);
    if (test_count > 0) test.emplace(*file, "test", image, test_count);
  }
  void close() {
    train.reset();
    test.reset();
    file.reset();
  }
};

DataPackWriter::DataPackWriter(fs::path path, const DataPackInfo& info, std::size_t train,
                               std::size_t test)
    : impl_(std::make_unique<Impl>()) {
  if (fs::exists(path)) refuse_existing(path);
  if (train == 0 || info.class_names.empty() || info.image.bytes() == 0) {
    throw core::InternalError("a pack needs images and classes");
  }
  // Named after the process, so that two that make the same pack do not write into each other.
  impl_->temporary = fmt::format("{}.{}.tmp", path.string(), ::getpid());
  impl_->path = std::move(path);
  impl_->image = info.image;
  impl_->classes = info.class_names.size();
  writing(impl_->path, [&] { impl_->create(info, train, test); });
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
  writing(impl_->path, [&] {
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
  writing(impl_->path, [&] {
    HIEREVO_H5(H5Fflush, *impl_->file, H5F_SCOPE_LOCAL);
    impl_->close();
  });
  try {
    core::publish_file(impl_->temporary, impl_->path);
  } catch (const core::IoError& error) {
    if (error.system_error() == EEXIST) refuse_existing(impl_->path);
    throw core::UsageError(error.what());
  }
}

}  // namespace hierevo::io
