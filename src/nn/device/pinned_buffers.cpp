#include "pinned_buffers.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

struct PinnedBuffers::Free {
  std::mutex mutex;
  std::vector<at::Tensor> buffers;
};

/// Deletes a Buffer.
struct PinnedBuffers::Return {
  std::shared_ptr<Free> free;
  at::Tensor tensor;

  void operator()(std::uint8_t*) const {
    const std::scoped_lock lock(free->mutex);
    free->buffers.push_back(tensor);
  }
};

PinnedBuffers::PinnedBuffers(std::shared_ptr<TransferQueues> queues)
    : queues_(std::move(queues)), free_(std::make_shared<Free>()) {}

PinnedBuffers::Buffer PinnedBuffers::take(std::int64_t bytes) {
  while (!copies_.empty() && copies_.front().end->reached()) copies_.pop_front();
  at::Tensor tensor;
  {
    const std::scoped_lock lock(free_->mutex);
    // One that is too small now would be so again.
    while (!free_->buffers.empty() && (!tensor.defined() || tensor.numel() < bytes)) {
      tensor = std::move(free_->buffers.back());
      free_->buffers.pop_back();
    }
  }
  if (!tensor.defined() || tensor.numel() < bytes) tensor = queues_->pinned_memory(bytes);
  auto* memory = tensor.data_ptr<std::uint8_t>();
  return Buffer(memory, Return{free_, std::move(tensor)});
}

const at::Tensor& PinnedBuffers::tensor_of(const Buffer& buffer) {
  const Return* origin = std::get_deleter<Return>(buffer);
  if (origin == nullptr) throw core::InternalError("The memory of a batch is not pinned");
  return origin->tensor;
}

void PinnedBuffers::hold_until(std::shared_ptr<const QueueMark> end, Buffer buffer) {
  copies_.push_back({std::move(end), std::move(buffer)});
}

void PinnedBuffers::wait_for_copies(std::size_t most) {
  while (copies_.size() > most) {
    wait_for(*copies_.front().end);
    copies_.pop_front();
  }
}

}  // namespace hierevo::nn
