#pragma once

#include <deque>

#include "hierevo/comm/communicator.hpp"

namespace hierevo::comm {

/// A group of one rank, 0, that can only send to itself. receive() on an empty queue sleeps through
/// its time-out like any other, although nobody is there to send: a loop around it costs no core.
class SelfCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void send(int destination, std::vector<std::byte> data) override;
  bool flush(std::chrono::nanoseconds timeout) override;

 private:
  std::optional<Message> wait_for_message(std::chrono::nanoseconds timeout,
                                          int or_readable) override;

  std::deque<Message> queue_;
};

}  // namespace hierevo::comm
