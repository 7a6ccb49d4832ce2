// How `hierevo prepare` makes a pack of a data set, and what it prints about that and about shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "hierevo/data/image_folder.hpp"
#include "progress_line.hpp"

namespace hierevo::app {

/// What is packed, and how.
struct PackingJob {
  std::string source;  ///< a folder
  std::string out;     ///< the pack, or the folder of shards, there or not
  // Of folders of images:
  std::string validation_labels;
  std::string synsets;
  std::string labels_from;  ///< "0", "1", or empty: it is found out
  bool skip_broken = false;
  int threads = 1;                     ///< that read images
  std::int64_t size = 0;               ///< packs: height and width of images; 0: as they are
  std::int64_t shard_images = 10'000;  ///< shards: images in each
  ProgressLine::Mode progress = ProgressLine::Mode::off;
};

/// Tells the user what is packed: `source`, which is `what`, and how much there is in it.
void say_found(std::string_view what, std::string_view source, std::size_t classes,
               std::size_t train, std::size_t test);
/// What a folder is called, whichever way its path is written.
std::string folder_name(const std::string& folder);

/// Lists the images of the source, and prints what it found.
data::ImageFolder found_images(const PackingJob& job);
/// "n01440764/n01440764_18.JPEG" of an image of the part in `folder`.
std::string name_in(const std::filesystem::path& folder, const data::LabelledFile& file);
/// Names broken images, which end the packing; of a job that skips them, for want of others.
/// `consequence` is what is not made.
[[noreturn]] void refuse_broken(const PackingJob& job, std::span<const std::string> images,
                                std::string_view consequence);
/// Names broken images that are left out.
void say_left_out(std::span<const std::string> images);
/// What to add to a sentence that ends the packing: nothing, or "; 2 broken images are left out".
std::string left_out_text(std::size_t images);

// Both make a pack, say what they found, how far they are and what they made, and throw Interrupted
// when the user asks to stop; there is no pack then.

/// Packs the data set that data::load_dataset() reads by this name.
void pack_dataset(std::string_view name, const PackingJob& job);

/// Packs a folder of images, a few at a time: together they may be larger than the memory. Throws
/// UsageError when it has named all broken images, unless they are to be left out.
void pack_folder(const PackingJob& job);

}  // namespace hierevo::app
