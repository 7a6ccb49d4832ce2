#include "crop_sender.hpp"

#include <utility>

namespace hierevo::nn {

namespace {

/// Copies that have been started and are not done, at most: the host is not further ahead.
constexpr std::size_t most_copies = 2;

}  // namespace

CropSender::CropSender(std::shared_ptr<TransferQueues> queues)
    : queues_(std::move(queues)), buffers_(queues_) {}

PinnedBuffers::Buffer CropSender::host_memory(std::size_t bytes) {
  return buffers_.take(static_cast<std::int64_t>(bytes));
}

/// Memory that nothing started on the compute queue reads any more when the copies queue, which
/// waits for that, comes to it.
at::Tensor& CropSender::next_memory(std::int64_t bytes) {
  const auto started = queues_->mark(DeviceQueue::compute);
  at::Tensor& memory = memory_[turn_];
  turn_ = (turn_ + 1) % memory_.size();
  if (!memory.defined() || memory.numel() < bytes) {
    // Torch may give memory that an operation in progress still uses.
    memory = queues_->device_memory(bytes);
    queues_->wait(DeviceQueue::copies, *started);
  } else {
    // Whoever used this memory was started before the last send(), which had the other one. Since
    // then the device may be computing with that, while this is filled.
    queues_->wait(DeviceQueue::copies, *last_send_);
  }
  last_send_ = started;
  return memory;
}

at::Tensor CropSender::send(PinnedBuffers::Buffer pixels, std::int64_t bytes) {
  buffers_.wait_for_copies(most_copies - 1);
  const at::Tensor there = next_memory(bytes).narrow(0, 0, bytes);
  queues_->copy(PinnedBuffers::tensor_of(pixels).narrow(0, 0, bytes), there, DeviceQueue::copies);
  const auto copied = queues_->mark(DeviceQueue::copies);
  queues_->wait(DeviceQueue::compute, *copied);
  buffers_.hold_until(copied, std::move(pixels));
  return there;
}

}  // namespace hierevo::nn
