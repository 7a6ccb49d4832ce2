#pragma once

#include <cstdint>
#include <memory>

#include "hierevo/nn/batches.hpp"
#include "hierevo/nn/dataset.hpp"
#include "hierevo/nn/jpeg_files.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// Pixels of training batches from JPEG files: random parts (draw_image_crop()) scaled to
/// `crop`×`crop`, made by threads ahead of the steps. They depend on the files, the seed and the
/// step alone; each image comes once an epoch, in the order of BatchOrder. Belongs to one thread.
class JpegTrainingPixels {
 public:
  struct Options {
    std::int64_t batch = 256;  ///< images of a step, over all ranks
    std::int64_t crop = 299;
    bool flip = true;
    int threads = 1;
    int ahead = 2;  ///< steps; the memory holds so many batches and one more
  };
  /// Keeps a reference to `files`, which has at least one. Throws UsageError where the threads
  /// cannot be started.
  JpegTrainingPixels(const JpegFiles& files, const Options& options, std::uint64_t seed);
  ~JpegTrainingPixels();
  JpegTrainingPixels(const JpegTrainingPixels&) = delete;
  JpegTrainingPixels& operator=(const JpegTrainingPixels&) = delete;

  /// The images `range` of the batch of step `step`: uint8 on the CPU, channels last. What follows
  /// is expected to be the same ranges of the next steps. Throws IoError for images that cannot be
  /// read, UsageError for bad ones.
  Images at(std::int64_t step, ImageRange range);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Batches of these pixels, augmented as `options` say (options.crop is their size, above 0), made
/// by `threads` ahead of the steps and finished on `device`, with labels below `classes`. Keeps
/// references to `files` and `options`. Throws UsageError where the threads cannot be started.
std::unique_ptr<TrainingBatches> make_jpeg_training_batches(
    const JpegFiles& files, const Normalisation& normalisation, const TrainingOptions& options,
    std::int64_t classes, std::uint64_t seed, int threads, c10::Device device);

/// Images to test on: the short side scaled to 8/7 of `size` (342 for 299), and the middle
/// `size`×`size` of that, as networks for ImageNet are tested. Keeps a reference to `files`.
std::unique_ptr<TestBatches> make_jpeg_test_batches(const JpegFiles& files,
                                                    const Normalisation& normalisation,
                                                    std::int64_t size, int threads);

}  // namespace hierevo::nn
