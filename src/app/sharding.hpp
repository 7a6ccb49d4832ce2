// How `hierevo prepare` makes a folder of JPEG shards.
#pragma once

#include <cstdint>
#include <string>

#include "progress_line.hpp"

namespace hierevo::app {

struct ShardingJob {
  std::string source;  ///< a folder of images
  std::string out;     ///< the folder of shards, there or not
  std::string validation_labels;
  std::string synsets;
  std::int64_t shard_images = 10'000;
  bool skip_broken = false;
  int threads = 1;  ///< that read and check images
  ProgressLine::Mode progress = ProgressLine::Mode::off;
};

/// Makes the shards that are missing and that no other process is making, then, when all are there,
/// the index. Several processes may do the same job at once. Throws Interrupted when the user wants
/// to stop; whole shards are kept. Throws UsageError that names all broken images, when the shards
/// without any are made.
void make_shards(const ShardingJob& job);

}  // namespace hierevo::app
