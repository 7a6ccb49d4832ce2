#include "hierevo/comm/self_communicator.hpp"

#include <utility>

#include "deadline.hpp"
#include "message_check.hpp"
#include "readable.hpp"

namespace hierevo::comm {

void SelfCommunicator::send(int destination, std::vector<std::byte> data) {
  detail::require_sendable(destination, size(), data.size());
  queue_.push_back({rank(), std::move(data)});
}

std::optional<Message> SelfCommunicator::wait_for_message(std::chrono::nanoseconds timeout,
                                                          int or_readable) {
  if (queue_.empty()) {
    detail::wait_until_readable({&or_readable, 1}, detail::deadline_after(timeout));
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
