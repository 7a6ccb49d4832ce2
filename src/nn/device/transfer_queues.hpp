// What a device does in order with memory that the host sends it. An interface, so that tests can
// put a recorded double in the place of a GPU.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

namespace hierevo::nn {

/// compute: the calling thread's current stream. copies: a stream beside it.
enum class DeviceQueue : std::uint8_t { compute, copies };

/// A point in a queue: reached when all is done that was started before it.
class QueueMark {
 public:
  virtual ~QueueMark() = default;
  /// Does not wait.
  virtual bool reached() const = 0;
};

/// The queues of one device that has a memory of its own. Belongs to one thread.
class TransferQueues {
 public:
  virtual ~TransferQueues() = default;

  /// Host memory that the device reads without the host waiting: uint8 [bytes].
  virtual at::Tensor pinned_memory(std::int64_t bytes) = 0;
  /// Memory of the device, free for what is started on `compute` from now on: uint8 [bytes].
  virtual at::Tensor device_memory(std::int64_t bytes) = 0;
  /// Starts a copy of pinned memory to as much memory of the device. `from` must not change until
  /// the copy is done.
  virtual void copy(const at::Tensor& from, const at::Tensor& to, DeviceQueue queue) = 0;
  /// The end of what has been started on `queue` so far.
  virtual std::shared_ptr<const QueueMark> mark(DeviceQueue queue) = 0;
  /// What is started on `queue` from now on begins after `mark`, which these queues have made. The
  /// host does not wait.
  virtual void wait(DeviceQueue queue, const QueueMark& mark) = 0;
};

/// Lets the host wait.
void wait_for(const QueueMark& mark);

/// Those of a GPU; null for the CPU, to which nothing is sent.
std::shared_ptr<TransferQueues> make_transfer_queues(c10::Device device);

}  // namespace hierevo::nn
