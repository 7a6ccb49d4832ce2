#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hierevo/data/images.hpp"
#include "hierevo/data/jpeg_files.hpp"

namespace hierevo::data {

/// Crops of JPEG files, decoded.
struct DecodedBatch {
  std::shared_ptr<std::uint8_t[]> pixels;  ///< [N, size, size, 3]
  std::vector<std::int64_t> labels;        ///< [N]
};

/// Where batches are decoded into: so many bytes, which may be let go of in any thread. Called by
/// the thread that requests batches.
using PixelMemory = std::function<std::shared_ptr<std::uint8_t[]>(std::size_t bytes)>;

/// Memory of the program like any other.
std::shared_ptr<std::uint8_t[]> ordinary_memory(std::size_t bytes);

/// Training batches of JPEG files: random parts (draw_image_crop()) scaled to `crop`×`crop`, made
/// on threads ahead of the steps. They depend on the files, the seed and the step alone; each image
/// comes once per epoch, in the order of BatchOrder. Belongs to one thread.
class JpegTrainingBatches {
 public:
  /// What batches are made of, and with how many threads.
  struct Options {
    std::int64_t batch = 256;  ///< images of a step, over all ranks
    std::int64_t crop = 299;
    bool flip = true;
    int threads = 1;
    int ahead = 2;  ///< steps; memory holds this many batches and one more
    PixelMemory memory = ordinary_memory;
  };
  /// Keeps a reference to `files`, which has at least one. Throws UsageError where the threads
  /// cannot be started.
  JpegTrainingBatches(const JpegFiles& files, const Options& options, std::uint64_t seed);
  ~JpegTrainingBatches();
  JpegTrainingBatches(const JpegTrainingBatches&) = delete;
  JpegTrainingBatches& operator=(const JpegTrainingBatches&) = delete;

  /// The images `range` of the batch of step `step`. The next calls should be for the same ranges
  /// of the next steps. Throws IoError for images that cannot be read, UsageError for bad ones.
  DecodedBatch at(std::int64_t step, ImageRange range);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Test images: the short side scaled to 8/7 of `size` (342 for 299), and the middle `size`×`size`
/// of that, as networks for ImageNet are tested. Belongs to one thread.
class JpegTestBatches {
 public:
  /// Keeps a reference to `files`. Throws UsageError where the threads cannot be started.
  JpegTestBatches(const JpegFiles& files, std::int64_t size, int threads,
                  PixelMemory memory = ordinary_memory);
  ~JpegTestBatches();
  JpegTestBatches(const JpegTestBatches&) = delete;
  JpegTestBatches& operator=(const JpegTestBatches&) = delete;

  /// From now on only images of `part` are requested, in order.
  void expect(ImageRange part);
  /// Throws as JpegTrainingBatches::at().
  DecodedBatch at(ImageRange range);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hierevo::data
