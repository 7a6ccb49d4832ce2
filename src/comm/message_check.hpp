#pragma once

#include <cstddef>

namespace hierevo::comm::detail {

/// Throws CommunicationError unless a message of `length` bytes may be sent to `destination` in a
/// group of `group_size` ranks: the rule of all transports.
void require_sendable(int destination, int group_size, std::size_t length);

}  // namespace hierevo::comm::detail
