#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "hierevo/data/images.hpp"
#include "hierevo/data/validation_labels.hpp"

namespace hierevo::data {

/// An image file and its class.
struct LabelledFile {
  std::filesystem::path path;
  std::int64_t label = 0;
};

/// A data set as a folder of images: train/CLASS/NAME.jpg, and test/CLASS/NAME.jpg (or val or
/// validation instead of test). ILSVRC's train/WNID/NAME.JPEG is one of these. Classes are the
/// sorted names of the folders in train; files are sorted by class, then by name. Images to test on
/// may also lie in their folder without classes, as ILSVRC's do, with labels in a file. Such a
/// `test` is passed over where there is another folder to test on: ILSVRC's has no labels at all.
/// As Tiny ImageNet has it, images may lie in a folder `images` in each of these folders; what else
/// lies beside it is passed over, but for the labels in val_annotations.txt.
struct ImageFolder {
  std::vector<std::string> class_names;
  std::vector<LabelledFile> train;
  std::vector<LabelledFile> test;   ///< none where there is no such folder
  std::string test_folder;          ///< "test", "val", "validation", "val/images", …, or empty
  std::vector<std::string> unused;  ///< names of other folders
  std::string label_assumption;     ///< see ValidationLabels
};

/// Whether there is a folder `train` in it.
bool is_image_folder(const std::filesystem::path& folder);

/// Lists the files, without looking into them. Throws UsageError that names what does not belong:
/// an empty class, a class to test that has nothing to train on, a file that is no JPEG by its
/// name, a folder that is a link to nothing. Names that begin with a dot are passed over.
ImageFolder scan_image_folder(const std::filesystem::path& folder,
                              const ValidationLabelFiles& validation_labels = {});

struct ImageBytes {
  std::vector<std::byte> bytes;
  std::string problem;  ///< why there are none; empty otherwise
};

/// The whole of an image file. Where there is no file, as behind a dead link, that is this image's
/// problem; throws UsageError for all else, as want of permission, which may be every image's.
ImageBytes read_image_bytes(const std::filesystem::path& path);

/// What was read from an image file.
struct ReadImage {
  ImageShape shape;                  ///< [3, H, W]
  std::vector<std::uint8_t> pixels;  ///< none where there is a problem
  std::string problem;  ///< "at byte 12: …" when the file is not whole and sound; empty otherwise
};

/// With a `size` above 0 the image's short side is scaled to that, without aliasing, and the middle
/// size×size of it are taken, in memory for little more than these; with 0 it stays as it is.
/// Throws as read_image_bytes().
ReadImage read_image(const std::filesystem::path& path, std::int64_t size);

/// The same of many files, by `threads` threads. Throws what the first of them throws.
std::vector<ReadImage> read_images(std::span<const LabelledFile> files, std::int64_t size,
                                   int threads);

}  // namespace hierevo::data
