// How `hierevo prepare` makes a pack of a data set.
#pragma once

#include <cstddef>
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

/// Tells the user what is packed: `source`, which is `what`, and how much there is in it.
void say_found(std::string_view what, std::string_view source, std::size_t classes,
               std::size_t train, std::size_t test);
/// What a folder is called, whichever way its path is written.
std::string folder_name(const std::string& folder);

/// Packs the data set that nn::load_dataset() reads by this name.
void pack_dataset(std::string_view name, const PackingJob& job);

/// Packs a folder of images, a few at a time: together they may be larger than the memory.
void pack_folder(const PackingJob& job);

}  // namespace hierevo::app
