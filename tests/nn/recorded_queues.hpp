// A device without a GPU: its queues run on the host, when the test lets them.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "device/transfer_queues.hpp"
#include "hierevo/core/random.hpp"

namespace hierevo::nn {

/// Its memory is the host's. What is started waits in its queue until the test, or a host that
/// waits for a mark, lets the device work; queues then proceed in random order.
class RecordedQueues final : public TransferQueues {
 public:
  explicit RecordedQueues(std::uint64_t seed = 1) : random_(seed) {}

  at::Tensor pinned_memory(std::int64_t bytes) override {
    pinned.push_back(at::zeros({bytes}, at::kByte));
    return pinned.back();
  }
  at::Tensor device_memory(std::int64_t bytes) override { return at::zeros({bytes}, at::kByte); }

  void copy(const at::Tensor& from, const at::Tensor& to, DeviceQueue queue) override {
    ASSERT_EQ(from.numel(), to.numel());
    ++copies;
    ++copies_in_flight;
    most_in_flight = std::max(most_in_flight, copies_in_flight);
    if (copies_at_once) at::Tensor(to).copy_(from);
    const at::Tensor sent = from.clone();
    start(queue, [this, from, to, sent] {
      EXPECT_TRUE(from.equal(sent)) << "the host changed what had not been copied";
      if (!copies_at_once) at::Tensor(to).copy_(from);
      --copies_in_flight;
    });
  }

  std::shared_ptr<const QueueMark> mark(DeviceQueue queue) override {
    auto mark = std::make_shared<Mark>(*this);
    start(queue, [mark] { mark->is_reached = true; });
    return mark;
  }

  void wait(DeviceQueue queue, const QueueMark& mark) override {
    const auto& own = dynamic_cast<const Mark&>(mark);
    operations(queue).push_back({[] {}, own.shared_from_this()});
  }

  /// Anything else that a queue does.
  void start(DeviceQueue queue, std::function<void()> run) {
    operations(queue).push_back({std::move(run), nullptr});
  }

  /// Lets one queue do what is next, unless it waits for the other one; false if none can.
  bool work(DeviceQueue queue) {
    auto& left = operations(queue);
    if (left.empty() || (left.front().after && !left.front().after->is_reached)) return false;
    const Operation next = std::move(left.front());
    left.pop_front();
    next.run();
    return true;
  }
  bool work() {
    const auto first = random_.below(2) == 0 ? DeviceQueue::compute : DeviceQueue::copies;
    const auto second = first == DeviceQueue::compute ? DeviceQueue::copies : DeviceQueue::compute;
    return work(first) || work(second);
  }
  void finish() {
    while (work()) {
    }
    for (const auto& left : operations_) EXPECT_TRUE(left.empty()) << "a queue waits for ever";
  }

  bool copies_at_once = false;   ///< for code that computes with what has been sent
  bool works_when_asked = true;  ///< when the host asks whether a mark is reached
  std::vector<at::Tensor> pinned;
  int copies = 0;
  int copies_in_flight = 0;
  int most_in_flight = 0;

 private:
  struct Mark final : QueueMark, std::enable_shared_from_this<Mark> {
    explicit Mark(RecordedQueues& device) : device(device) {}
    bool reached() const override {
      if (device.works_when_asked) device.work();
      return is_reached;
    }
    RecordedQueues& device;
    bool is_reached = false;
  };
  struct Operation {
    std::function<void()> run;
    std::shared_ptr<const Mark> after;
  };
  std::deque<Operation>& operations(DeviceQueue queue) {
    return operations_[static_cast<std::size_t>(queue)];
  }

  core::RandomStream random_;
  std::array<std::deque<Operation>, 2> operations_;
};

}  // namespace hierevo::nn
