#include "hierevo/comm/self_communicator.hpp"

#include <thread>
#include <utility>

#include "deadline.hpp"
#include "message_check.hpp"

namespace hierevo::comm {

void SelfCommunicator::send(int destination, std::vector<std::byte> data) {
  detail::require_sendable(destination, size(), data.size());
  queue_.push_back({rank(), std::move(data)});
}

std::optional<Message> SelfCommunicator::receive(std::chrono::nanoseconds timeout) {
  if (queue_.empty()) {
    std::this_thread::sleep_until(detail::deadline_after(timeout));
    return std::nullopt;
  }
  Message message = std::move(queue_.front());
  queue_.pop_front();
  return message;
}

bool SelfCommunicator::flush(std::chrono::nanoseconds) {
  return true;
}

}  // namespace hierevo::comm
