#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
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
/// sorted names of the folders in train; files are sorted by class, then by name. Test images may
/// also lie in their folder without class folders, as ILSVRC's do, with labels in a file. Such a
/// `test` is ignored where there is another folder of test images: ILSVRC's has no labels at all.
/// As in Tiny ImageNet, images may lie in a folder `images` in each of these folders; whatever else
/// is beside it is ignored, except for the labels in val_annotations.txt.
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
/// an empty class, a test class without training images, a file whose name is not that of a JPEG
/// file, a broken link to a folder. Names that begin with a dot are ignored.
ImageFolder scan_image_folder(const std::filesystem::path& folder,
                              const ValidationLabelFiles& validation_labels = {});

/// What was read of an image file, still encoded.
struct ImageBytes {
  std::vector<std::byte> bytes;
  std::string problem;  ///< why there are no bytes; empty otherwise
};

/// All bytes of an image file. A missing file, as behind a broken link, and what is no regular
/// file are this image's problem; throws UsageError for all else, such as missing permission, which
/// may concern every image.
ImageBytes read_image_bytes(const std::filesystem::path& path);

/// What was read from an image file.
struct ReadImage {
  ImageShape shape;                  ///< [3, H, W]
  std::vector<std::uint8_t> pixels;  ///< none where there is a problem, or another size
  std::string problem;  ///< "at byte 12: …" when it is not complete and sound; empty otherwise
};

/// With a `size` above 0 the image's short side is scaled to that, without aliasing, and the middle
/// size×size of it are taken, with little more memory than these need; with 0 it stays as it is.
/// With 0, an image of another size than `only` is not decoded: it has no pixels, whatever it
/// takes. Throws as read_image_bytes().
ReadImage read_image(const std::filesystem::path& path, std::int64_t size,
                     const std::optional<ImageSize>& only = {});

/// The same for many files, on `threads` threads. Throws what the first bad file throws.
std::vector<ReadImage> read_images(std::span<const LabelledFile> files, std::int64_t size,
                                   int threads, const std::optional<ImageSize>& only = {});

}  // namespace hierevo::data
