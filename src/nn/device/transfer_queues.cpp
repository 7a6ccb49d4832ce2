#include "transfer_queues.hpp"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "transfer.hpp"

namespace hierevo::nn {

namespace {

class EventMark final : public QueueMark {
 public:
  explicit EventMark(c10::Stream stream) : event_(stream.device_type()) { event_.record(stream); }
  bool reached() const override { return event_.query(); }
  void block(c10::Stream stream) const { event_.block(stream); }

 private:
  c10::Event event_;
};

class StreamQueues final : public TransferQueues {
 public:
  explicit StreamQueues(c10::Device device)
      : device_(device),
        streams_(device.type()),
        copies_(streams_.getStreamFromGlobalPool(device)) {}

  at::Tensor pinned_memory(std::int64_t bytes) override {
    return at::empty({bytes}, at::TensorOptions(at::kByte).pinned_memory(true));
  }

  at::Tensor device_memory(std::int64_t bytes) override {
    return at::empty({bytes}, at::TensorOptions(at::kByte).device(device_));
  }

  void copy(const at::Tensor& from, const at::Tensor& to, DeviceQueue queue) override {
    const c10::StreamGuard guard(stream_of(queue));
    to.copy_(from, /*non_blocking=*/true);
    // Torch must not give the memory to others before this, even if the tensor goes at once.
    if (queue == DeviceQueue::copies) {
      streams_.recordDataPtrOnStream(to.storage().data_ptr(), copies_);
    }
  }

  std::shared_ptr<const QueueMark> mark(DeviceQueue queue) override {
    return std::make_shared<EventMark>(stream_of(queue));
  }

  void wait(DeviceQueue queue, const QueueMark& mark) override {
    dynamic_cast<const EventMark&>(mark).block(stream_of(queue));
  }

 private:
  c10::Stream stream_of(DeviceQueue queue) const {
    return queue == DeviceQueue::copies ? copies_ : streams_.getStream(device_);
  }

  c10::Device device_;
  c10::impl::VirtualGuardImpl streams_;
  c10::Stream copies_;
};

}  // namespace

void wait_for(const QueueMark& mark) {
  wait_until([&mark] { return mark.reached(); });
}

std::shared_ptr<TransferQueues> make_transfer_queues(c10::Device device) {
  if (device.is_cpu()) return nullptr;
  return std::make_shared<StreamQueues>(device);
}

}  // namespace hierevo::nn
