#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "class_coverage.hpp"
#include "data_pack_format.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/io/data_pack.hpp"
#include "new_file.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

namespace fs = std::filesystem;

/// A part that is being written.
struct PartWriter {
  PartWriter(const h5::File& file, const char* name, const data::ImageShape& image,
             std::size_t count)
      : shape{count, static_cast<std::size_t>(image.channels),
              static_cast<std::size_t>(image.size.height),
              static_cast<std::size_t>(image.size.width)},
        group(h5::create_group(file, name)),
        pixels(h5::create_rows<std::uint8_t>(group, "pixels", shape)),
        labels(h5::create_rows<std::int64_t>(group, "labels", std::span(shape).first(1))) {}

  std::array<std::size_t, 4> shape;
  h5::Group group;
  h5::Dataset pixels;
  h5::Dataset labels;
  std::size_t written = 0;
  std::vector<std::string> skipped;

  bool is_complete() const { return written + skipped.size() == shape[0]; }

  /// Keeps only the rows that were written.
  void name_skipped() {
    if (skipped.empty()) return;
    h5::cut_rows(pixels, shape, written);
    h5::cut_rows(labels, std::span(shape).first(1), written);
    h5::write_fixed_texts(group, "skipped", to_utf8(skipped));
  }
};

[[noreturn]] void refuse_existing(const fs::path& path) {
  throw core::UsageError(fmt::format("'{}' is already there", path.string()),
                         "files are not written over", "Give another name, or remove it.");
}

}  // namespace

struct DataPackWriter::Impl {
  NewFile file;
  data::ImageShape image;
  std::vector<std::string> class_names;
  std::vector<bool> seen;  ///< classes with a training image
  std::optional<PartWriter> train;
  std::optional<PartWriter> test;

  Impl(fs::path path, const DataPackInfo& info)
      : file(std::move(path)),
        image(info.image),
        class_names(info.class_names),
        seen(info.class_names.size(), false) {}
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
    h5::write_fixed_texts(opened, "classes", to_utf8(class_names));
    train.emplace(opened, "train", image, train_count);
    if (test_count > 0) test.emplace(opened, "test", image, test_count);
  }
  void complete() {
    for (auto* part : {&train, &test}) {
      if (*part && !(*part)->is_complete()) {
        throw core::InternalError("fewer images than were announced");
      }
    }
    if (!train->skipped.empty()) require_class_coverage(seen, class_names);
    if (test && test->written == 0) {
      throw core::UsageError("There is no test image", "all are broken",
                             "Fix one, or remove their folder.");
    }
    file.write([this](const h5::File&) {
      train->name_skipped();
      if (test) test->name_skipped();
      close_parts();
    });
  }
  void close_parts() {
    train.reset();
    test.reset();
  }
};

DataPackWriter::DataPackWriter(fs::path path, const DataPackInfo& info, std::size_t train,
                               std::size_t test) {
  if (core::name_is_taken(path)) refuse_existing(path);
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
    return label >= 0 && label < std::ssize(impl_->class_names);
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
  if (part == Part::test) return;
  for (const std::int64_t label : labels) impl_->seen[static_cast<std::size_t>(label)] = true;
}

void DataPackWriter::leave_out(Part part, std::span<const std::string> names) {
  if (names.empty()) return;
  auto& writer = part == Part::train ? impl_->train : impl_->test;
  if (!writer) throw core::InternalError("images that were not announced");
  writer->skipped.insert(writer->skipped.end(), names.begin(), names.end());
}

void DataPackWriter::finish() {
  impl_->complete();
  if (!impl_->file.publish()) refuse_existing(impl_->file.path());
}

}  // namespace hierevo::io
