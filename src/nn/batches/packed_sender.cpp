#include "packed_sender.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace hierevo::nn {

namespace {

/// What a tensor takes up: the next one begins where any type may.
std::int64_t place_bytes(const at::Tensor& tensor) {
  constexpr std::size_t any = 16;
  return static_cast<std::int64_t>((tensor.nbytes() + any - 1) / any * any);
}

}  // namespace

PackedSender::PackedSender(std::shared_ptr<TransferQueues> queues)
    : queues_(std::move(queues)), buffers_(queues_) {}

std::vector<at::Tensor> PackedSender::send(std::vector<at::Tensor> tensors) {
  if (!queues_) return tensors;
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) bytes += place_bytes(tensor);
  PinnedBuffers::Buffer buffer = buffers_.take(bytes);
  std::uint8_t* place = buffer.get();
  for (const at::Tensor& tensor : tensors) {
    std::copy_n(static_cast<const std::uint8_t*>(tensor.data_ptr()), tensor.nbytes(), place);
    place += place_bytes(tensor);
  }
  const at::Tensor there = queues_->device_memory(bytes);
  queues_->copy(PinnedBuffers::tensor_of(buffer).narrow(0, 0, bytes), there, DeviceQueue::compute);
  buffers_.hold_until(queues_->mark(DeviceQueue::compute), std::move(buffer));
  std::int64_t first = 0;
  for (at::Tensor& tensor : tensors) {
    const auto length = static_cast<std::int64_t>(tensor.nbytes());
    const at::Tensor part = there.narrow(0, first, length);
    first += place_bytes(tensor);
    tensor = part.view(tensor.scalar_type()).view(tensor.sizes());
  }
  return tensors;
}

}  // namespace hierevo::nn
