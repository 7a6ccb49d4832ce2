#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/pinned_buffers.hpp"
#include "device/transfer_queues.hpp"

namespace hierevo::nn {

/// Sends decoded pixels to a device beside its other work: those of the next batch while it
/// computes with this one. Belongs to one thread.
class CropSender {
 public:
  explicit CropSender(std::shared_ptr<TransferQueues> queues);

  /// Pinned memory to decode into. May be let go of in any thread.
  PinnedBuffers::Buffer host_memory(std::size_t bytes);

  /// The first `bytes` of `pixels`, memory of host_memory(), on the device: uint8 [bytes], for what
  /// the caller starts afterwards on the compute queue, up to the next send() but one. Lets the
  /// host wait where it is several batches ahead of the device.
  at::Tensor send(PinnedBuffers::Buffer pixels, std::int64_t bytes);

 private:
  at::Tensor& next_memory(std::int64_t bytes);

  std::shared_ptr<TransferQueues> queues_;
  PinnedBuffers buffers_;
  std::array<at::Tensor, 2> memory_;  ///< of the device, in turn
  std::size_t turn_ = 0;
  std::shared_ptr<const QueueMark> last_send_;  ///< what was started on compute before it
};

}  // namespace hierevo::nn
