#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "class_coverage.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/version.hpp"
#include "image_shard_index.hpp"
#include "new_file.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

namespace fs = std::filesystem;

/// Adds what a shard has to the index.
void add_shard(const fs::path& path, const ShardInfo& expected, ImageIndex& index, PixelSums& sums,
               std::vector<bool>& seen) {
  require_shard(path, expected);
  const ShardContent shard = reading_images(path, read_shard);
  index.checksums.push_back(shard.table.checksum());
  index.skipped.insert(index.skipped.end(), shard.skipped.begin(), shard.skipped.end());
  if (expected.part != ImagePart::train) return;
  sums.add(shard.sums);
  for (const std::int64_t label : shard.table.label) {
    if (label >= 0 && label < std::ssize(seen)) seen[static_cast<std::size_t>(label)] = true;
  }
}

void write(const h5::File& file, const ImageIndex& index) {
  h5::write_fixed_text_attribute(file, "format", image_index_format);
  h5::write_attribute<std::uint32_t>(file, "version", image_shards_version);
  h5::write_fixed_text_attribute(file, "program", core::version());
  h5::write_fixed_text_attribute(file, "source", to_utf8(index.plan.source));
  h5::write_attribute<std::uint64_t>(file, "plan", index.plan.hash);
  h5::write_attribute<std::uint32_t>(file, "train_shards",
                                     static_cast<std::uint32_t>(index.plan.train_shards));
  h5::write_attribute<std::uint32_t>(file, "test_shards",
                                     static_cast<std::uint32_t>(index.plan.test_shards));
  h5::write_fixed_texts(file, "classes", to_utf8(index.plan.class_names));
  write_column<std::uint32_t>(file, "shard_crc32c", index.checksums);
  write_column<double>(file, "pixel_mean", index.pixel_mean);
  write_column<double>(file, "pixel_deviation", index.pixel_deviation);
  if (!index.skipped.empty()) h5::write_fixed_texts(file, "skipped", index.skipped);
}

std::array<double, 3> three(const h5::File& file, const char* name, double least) {
  const auto values = h5::read_rows<double>(file, name, 1).values;
  const auto possible = [=](double value) { return value >= least && value <= 255.0; };
  if (values.size() != 3 || !std::all_of(values.begin(), values.end(), possible)) {
    throw h5::Error(fmt::format("/{} is not three numbers up to 255", name));
  }
  return {values[0], values[1], values[2]};
}

ImageIndex read_index(const h5::File& file) {
  check_image_format(file, image_index_format);
  ImageIndex index;
  index.plan.source = h5::read_fixed_text_attribute(file, "source");
  index.plan.hash = h5::read_attribute<std::uint64_t>(file, "plan");
  index.plan.train_shards = h5::read_attribute<std::uint32_t>(file, "train_shards");
  index.plan.test_shards = h5::read_attribute<std::uint32_t>(file, "test_shards");
  index.plan.class_names = h5::read_fixed_texts(file, "classes");
  index.checksums = h5::read_rows<std::uint32_t>(file, "shard_crc32c", 1).values;
  index.pixel_mean = three(file, "pixel_mean", 0.0);
  index.pixel_deviation = three(file, "pixel_deviation", 0.0);
  if (h5::has_member(file, "skipped")) index.skipped = h5::read_fixed_texts(file, "skipped");
  const std::size_t shards = index.plan.train_shards + index.plan.test_shards;
  if (index.plan.train_shards == 0 || shards > most_shards || shards != index.checksums.size()) {
    throw h5::Error(fmt::format("it has {} shards to train on, {} to test on, and {} checksums",
                                index.plan.train_shards, index.plan.test_shards,
                                index.checksums.size()));
  }
  return index;
}

void set_statistics(const PixelSums& sums, ImageIndex& index) {
  const auto pixels = static_cast<double>(std::max<std::uint64_t>(sums.pixels, 1));
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = static_cast<double>(sums.sum[c]) / pixels;
    const double square = static_cast<double>(sums.squares[c]) / pixels;
    index.pixel_mean[c] = mean;
    index.pixel_deviation[c] = std::sqrt(std::max(square - mean * mean, 0.0));
  }
}

}  // namespace

ImageIndex read_image_index(const fs::path& folder) {
  return reading_images(folder / shard_index_name, read_index);
}

bool is_shard_folder(const fs::path& folder) {
  std::error_code unreachable;
  return fs::exists(folder / shard_index_name, unreachable);
}

void write_shard_index(const fs::path& folder, const ShardPlan& plan) {
  ImageIndex index;
  index.plan = plan;
  PixelSums sums;
  std::vector<bool> seen(plan.class_names.size(), false);
  for (const auto part : {ImagePart::train, ImagePart::test}) {
    const std::size_t shards = part == ImagePart::train ? plan.train_shards : plan.test_shards;
    for (std::size_t i = 0; i < shards; ++i) {
      add_shard(folder / shard_name(part, i), {part, i, plan.hash}, index, sums, seen);
    }
  }
  require_class_coverage(seen, plan.class_names);
  set_statistics(sums, index);

  NewFile file(folder / shard_index_name);
  file.write([&](const h5::File& opened) { write(opened, index); });
  file.publish();
}

}  // namespace hierevo::io
