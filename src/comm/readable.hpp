// Waiting for file descriptors.
#pragma once

#include <span>

#include "deadline.hpp"

namespace hierevo::comm::detail {

/// Waits until one of `descriptors` can be read or has an error; -1 in it is none. False when that
/// has not come by `deadline`.
bool wait_until_readable(std::span<const int> descriptors, Clock::time_point deadline);

/// The same, without waiting.
bool is_readable(int descriptor);

}  // namespace hierevo::comm::detail
