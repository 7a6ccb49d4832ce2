#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "image_shards_format.hpp"

namespace hierevo::io {

/// What the index of a folder of shards says.
struct ImageIndex {
  ShardPlan plan;
  std::vector<std::uint32_t> checksums;  ///< of the shards' tables, those to train on first
  std::array<double, 3> pixel_mean{};
  std::array<double, 3> pixel_deviation{};
  std::vector<std::string> skipped;
};

/// Throws UsageError.
ImageIndex read_image_index(const std::filesystem::path& folder);

}  // namespace hierevo::io
