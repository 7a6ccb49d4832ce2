// How `hierevo prepare` makes a pack of a data set.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "progress_line.hpp"

namespace hierevo::app {

/// What is packed, and how. Both functions say what they found and how far they are, and throw
/// Interrupted when the user wants to stop; there is no pack then.
struct PackingJob {
  std::string source;     ///< a folder
  std::string out;        ///< the pack
  std::int64_t size = 0;  ///< height and width of packed images; 0: as they are
  int threads = 1;        ///< that decode images
  ProgressLine::Mode progress = ProgressLine::Mode::off;
};

/// Packs the data set that nn::load_dataset() reads by this name.
void pack_dataset(std::string_view name, const PackingJob& job);

/// Packs a folder of images, a few at a time: together they may be larger than the memory.
void pack_folder(const PackingJob& job);

}  // namespace hierevo::app
