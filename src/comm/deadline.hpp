#pragma once

#include <chrono>

namespace hierevo::comm::detail {

using Clock = std::chrono::steady_clock;

/// `timeout` from now, without overflow for time-outs that mean "forever".
inline Clock::time_point deadline_after(std::chrono::nanoseconds timeout) {
  const auto now = Clock::now();
  return timeout < Clock::time_point::max() - now ? now + timeout : Clock::time_point::max();
}

}  // namespace hierevo::comm::detail
