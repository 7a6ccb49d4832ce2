#pragma once

#include <cstdint>
#include <memory>

#include "hierevo/data/jpeg_files.hpp"
#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// data::JpegTrainingBatches, augmented as `options` say (options.crop is their size, above 0),
/// made on `threads` threads ahead of the steps and finished on `device`, with labels below
/// `classes`. Keeps references to `files` and `options`. Throws UsageError where the threads cannot
/// be started.
std::unique_ptr<TrainingBatches> make_jpeg_training_batches(const data::JpegFiles& files,
                                                            const PixelNormalisation& normalisation,
                                                            const TrainingOptions& options,
                                                            std::int64_t classes,
                                                            std::uint64_t seed, int threads,
                                                            c10::Device device);

/// data::JpegTestBatches of `size`×`size` pixels, normalised on `device`. Keeps a reference to
/// `files`.
std::unique_ptr<TestBatches> make_jpeg_test_batches(const data::JpegFiles& files,
                                                    const PixelNormalisation& normalisation,
                                                    std::int64_t size, int threads,
                                                    c10::Device device);

}  // namespace hierevo::nn
