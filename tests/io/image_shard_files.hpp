// Image shards that tests make.
#pragma once

#include <fmt/format.h>

#include "hierevo/core/random.hpp"
#include "hierevo/io/image_shards.hpp"

namespace hierevo::io::test {

/// "JPEG files" of random bytes: io does not look into them.
struct SampleImage {
  ShardImage image;
  std::vector<std::byte> file;
};

inline std::vector<SampleImage> sample_images(std::size_t count, std::uint64_t seed) {
  core::RandomStream random(seed);
  std::vector<SampleImage> images(count);
  for (std::size_t i = 0; i < count; ++i) {
    images[i].image = {fmt::format("Käfer/{}.JPEG", i), static_cast<std::int64_t>(i % 3),
                       static_cast<std::uint32_t>(1 + random.below(500)),
                       static_cast<std::uint32_t>(1 + random.below(500))};
    images[i].file.resize(1 + random.below(300));
    for (auto& byte : images[i].file) byte = static_cast<std::byte>(random.below(256));
  }
  return images;
}

inline void write_shard(const std::filesystem::path& folder, const ShardInfo& info,
                        const std::vector<SampleImage>& images, std::size_t left_out = 0) {
  std::size_t bytes = left_out;
  for (const auto& image : images) bytes += image.file.size();
  ImageShardWriter writer(folder, info, bytes);
  for (const auto& image : images) writer.append(image.image, image.file);
  PixelSums sums;
  sums.add(std::vector<std::uint8_t>{10, 20, 30, 30, 20, 40});
  const std::vector<std::string> skipped(left_out > 0 ? 1 : 0, "Käfer/broken.JPEG");
  writer.finish(sums, skipped);
}

inline ShardPlan sample_plan() {
  return {"made by a test", {"cat", "dog", "Käfer"}, 2, 1, 77};
}

/// Two training shards, the second of which leaves out an image, and one test shard.
inline void write_sample_shards(const std::filesystem::path& folder) {
  write_shard(folder, {ImagePart::train, 0, 77}, sample_images(20, 1));
  write_shard(folder, {ImagePart::train, 1, 77}, sample_images(7, 2), 100);
  write_shard(folder, {ImagePart::test, 0, 77}, sample_images(5, 3));
  write_shard_index(folder, sample_plan());
}

}  // namespace hierevo::io::test
