#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "image_shards_format.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

namespace fs = std::filesystem;

/// Of a JPEG file, in pixels.
constexpr std::uint32_t longest_side = 65535;

/// Of the images in a shard.
struct NamedLengths {
  std::vector<std::string> names;
  std::vector<std::uint32_t> lengths;
};

template <typename T>
std::vector<T> column(const h5::File& file, const char* name, std::size_t rows) {
  auto found = h5::read_rows<T>(file, name, 1);
  if (found.values.size() != rows) {
    throw h5::Error(fmt::format("/{} has {} rows and /offset {}", name, found.values.size(), rows));
  }
  return std::move(found.values);
}

ShardTable read_table(const h5::File& file) {
  ShardTable table;
  table.offset = h5::read_rows<std::uint64_t>(file, "offset", 1).values;
  table.length = column<std::uint32_t>(file, "length", table.rows());
  table.crc32c = column<std::uint32_t>(file, "crc32c", table.rows());
  table.label = column<std::int64_t>(file, "label", table.rows());
  table.height = column<std::uint32_t>(file, "height", table.rows());
  table.width = column<std::uint32_t>(file, "width", table.rows());
  return table;
}

void require_images_within(const ShardTable& table, std::uint64_t bytes) {
  for (std::size_t i = 0; i < table.rows(); ++i) {
    if (table.length[i] == 0 || table.offset[i] > bytes ||
        table.length[i] > bytes - table.offset[i]) {
      throw h5::Error(fmt::format("image {} has {} bytes from {} on, of {}", i, table.length[i],
                                  table.offset[i], bytes));
    }
    const auto possible = [](std::uint32_t side) { return side > 0 && side <= longest_side; };
    if (!possible(table.height[i]) || !possible(table.width[i])) {
      throw h5::Error(fmt::format("image {} has {}×{} pixels", i, table.height[i], table.width[i]));
    }
  }
}

PixelSums read_sums(const h5::File& file) {
  const auto all = h5::read_rows<std::uint64_t>(file, "sample", 1).values;
  if (all.size() != 7) throw h5::Error("/sample does not have seven numbers");
  PixelSums sums{all[0], {all[1], all[2], all[3]}, {all[4], all[5], all[6]}};
  // So that sums over all shards fit.
  constexpr std::uint64_t most_pixels = (~std::uint64_t{0} >> 16) / most_shards;
  for (std::size_t c = 0; c < 3; ++c) {
    if (sums.pixels > most_pixels || sums.sum[c] > 255 * sums.pixels ||
        sums.squares[c] > 255 * sums.sum[c]) {
      throw h5::Error("/sample has impossible sums");
    }
  }
  return sums;
}

}  // namespace

std::string_view name_of(ImagePart part) {
  return part == ImagePart::train ? "train" : "test";
}

std::string shard_name(ImagePart part, std::size_t number) {
  return fmt::format("{}-{:05}.h5", name_of(part), number);
}

std::uint32_t ShardTable::checksum() const {
  core::ByteWriter bytes;
  for (std::size_t i = 0; i < rows(); ++i) {
    bytes.u64(offset[i]);
    bytes.u32(length[i]);
    bytes.u32(crc32c[i]);
    bytes.i64(label[i]);
    bytes.u32(height[i]);
    bytes.u32(width[i]);
  }
  return core::crc32c(bytes.take());
}

void check_image_format(const h5::File& file, std::string_view format) {
  const std::string found = h5::read_fixed_text_attribute(file, "format");
  if (found != format) {
    throw h5::Error(fmt::format("its format is '{}' instead of '{}'", found, format));
  }
  const auto version = h5::read_attribute<std::uint32_t>(file, "version");
  if (version == 0 || version > image_shards_version) {
    throw h5::Error(fmt::format("its version is {}, and this program reads {} and earlier", version,
                                image_shards_version));
  }
}

ShardInfo read_shard_info(const h5::File& file) {
  check_image_format(file, image_shard_format);
  const std::string part = h5::read_fixed_text_attribute(file, "part");
  if (part != "train" && part != "test") {
    throw h5::Error(fmt::format("its part is '{}', neither train nor test", part));
  }
  return {part == "train" ? ImagePart::train : ImagePart::test,
          h5::read_attribute<std::uint32_t>(file, "number"),
          h5::read_attribute<std::uint64_t>(file, "plan")};
}

ShardContent read_shard(const h5::File& file) {
  ShardContent content;
  content.info = read_shard_info(file);
  content.table = read_table(file);
  content.sums = read_sums(file);
  if (h5::has_member(file, "skipped")) content.skipped = h5::read_fixed_texts(file, "skipped");
  const h5::StoredBytes bytes = h5::stored_bytes(file, "bytes");
  require_images_within(content.table, bytes.size);
  content.bytes_at = bytes.offset;
  return content;
}

void require_readable_file(const fs::path& path) {
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
}

void refuse_image_file(const fs::path& path, const h5::Error& error) {
  throw core::UsageError(fmt::format("Cannot use '{}'", path.string()), error.what(),
                         "Remove it and run the same hierevo prepare again: it makes what is "
                         "missing.");
}

void require_shard(const fs::path& path, const ShardInfo& expected) {
  const ShardInfo found = reading_images(path, read_shard_info);
  if (found.plan != expected.plan || found.part != expected.part ||
      found.number != expected.number) {
    throw core::UsageError(
        fmt::format("'{}' does not belong here", path.string()),
        "it was made from other images or with other options",
        "Choose another folder, or use the images and options that this one was begun with.");
  }
}

void require_images(const fs::path& path, std::span<const SourceImage> sources) {
  const NamedLengths packed = reading_images(path, [](const h5::File& file) {
    return NamedLengths{h5::read_fixed_texts(file, "name"), read_table(file).length};
  });
  for (std::size_t i = 0; i < std::min(packed.names.size(), packed.lengths.size()); ++i) {
    const std::string& name = packed.names[i];
    const auto source = std::ranges::find_if(
        sources, [&name](const SourceImage& image) { return to_utf8(image.name) == name; });
    const bool there = source != sources.end();
    if (there && source->bytes == packed.lengths[i]) {
      sources = {std::next(source), sources.end()};
      continue;
    }
    throw core::UsageError(
        fmt::format("'{}' has another image '{}' than there is now", path.string(), name),
        there ? fmt::format("of {} bytes, not {}", packed.lengths[i], source->bytes) : "",
        "Remove this shard and run the same command again, or restore the image.");
  }
}

}  // namespace hierevo::io
