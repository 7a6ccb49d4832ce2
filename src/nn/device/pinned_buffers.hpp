#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "transfer_queues.hpp"

namespace hierevo::nn {

/// Pinned host memory that is used again and again, since the system takes long to pin memory. A
/// buffer is used again when nobody holds it and no copy reads it. Belongs to one thread; only
/// buffers themselves may be let go of in any thread.
class PinnedBuffers {
 public:
  /// Goes back to where it came from when it is let go of.
  using Buffer = std::shared_ptr<std::uint8_t[]>;

  explicit PinnedBuffers(std::shared_ptr<TransferQueues> queues);

  /// At least `bytes` of memory. Never waits.
  Buffer take(std::int64_t bytes);
  /// A buffer that take() has returned, as the queues know it: uint8.
  static const at::Tensor& tensor_of(const Buffer& buffer);

  /// Holds `buffer`, which a copy reads, until the copy's end.
  void hold_until(std::shared_ptr<const QueueMark> end, Buffer buffer);
  /// Waits until at most `most` of the copies are not done.
  void wait_for_copies(std::size_t most);

 private:
  struct Free;
  struct Return;
  struct Copy {
    std::shared_ptr<const QueueMark> end;
    Buffer buffer;
  };

  std::shared_ptr<TransferQueues> queues_;
  std::shared_ptr<Free> free_;  // buffers may live longer than this
  std::deque<Copy> copies_;     // in the order in which they end
};

}  // namespace hierevo::nn
