#include "message_check.hpp"

#include <fmt/format.h>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::comm::detail {

void require_sendable(int destination, int group_size, std::size_t length) {
  if (destination < 0 || destination >= group_size) {
    throw core::CommunicationError(-1, fmt::format("Cannot send a message to rank {}", destination),
                                   fmt::format("the group has the ranks 0 to {}", group_size - 1));
  }
  if (length > longest_message) {
    throw core::CommunicationError(destination,
                                   fmt::format("cannot send it a message of {} bytes", length),
                                   fmt::format("the longest allowed is {} bytes", longest_message));
  }
}

}  // namespace hierevo::comm::detail
