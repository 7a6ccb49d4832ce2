// Batches with the queues of their device given: for tests without a GPU.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

#include "device/transfer_queues.hpp"
#include "hierevo/nn/batches/jpeg_batches.hpp"
#include "hierevo/nn/batches/memory_batches.hpp"

namespace hierevo::nn {

std::unique_ptr<TrainingBatches> make_training_batches(const ImageTensors& images,
                                                       const PixelNormalisation& normalisation,
                                                       const TrainingOptions& options,
                                                       std::int64_t classes, std::uint64_t seed,
                                                       std::shared_ptr<TransferQueues> queues);

std::unique_ptr<TrainingBatches> make_jpeg_training_batches(
    const data::JpegFiles& files, const PixelNormalisation& normalisation,
    const TrainingOptions& options, std::int64_t classes, std::uint64_t seed, int threads,
    c10::Device device, std::shared_ptr<TransferQueues> queues);

std::unique_ptr<TestBatches> make_jpeg_test_batches(const data::JpegFiles& files,
                                                    const PixelNormalisation& normalisation,
                                                    std::int64_t size, int threads,
                                                    c10::Device device,
                                                    std::shared_ptr<TransferQueues> queues);

}  // namespace hierevo::nn
