#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "device/pinned_buffers.hpp"
#include "device/transfer_queues.hpp"

namespace hierevo::nn {

/// Sends the small tensors of a batch to a device together: a copy costs as much time to start as
/// these take to copy. Belongs to one thread.
class PackedSender {
 public:
  /// `queues` are null for the CPU.
  explicit PackedSender(std::shared_ptr<TransferQueues> queues);

  /// `tensors`, which are contiguous on the CPU, on the device: sent by one copy, in order with the
  /// caller's other work there. Never waits for the device. On the CPU they are what was given.
  std::vector<at::Tensor> send(std::vector<at::Tensor> tensors);

 private:
  std::shared_ptr<TransferQueues> queues_;
  PinnedBuffers buffers_;
};

}  // namespace hierevo::nn
