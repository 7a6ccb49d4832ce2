#include "stall_aware_timeout.hpp"

#include <algorithm>

namespace hierevo::comm::detail {

namespace {

using namespace std::chrono_literals;

/// Without overflow for limits that mean "forever".
Clock::time_point later(Clock::time_point time, std::chrono::nanoseconds by) {
  return by < Clock::time_point::max() - time ? time + by : Clock::time_point::max();
}

}  // namespace

StallAwareTimeout::StallAwareTimeout(std::chrono::nanoseconds limit, Clock::time_point now)
    : limit_(limit), longest_pause_(std::clamp<std::chrono::nanoseconds>(limit / 4, 1ns, 1s)) {
  restart(now);
}

void StallAwareTimeout::restart(Clock::time_point now) {
  looked_ = now;
  end_ = later(now, limit_);
}

bool StallAwareTimeout::spent(Clock::time_point now) {
  const auto pause = now - looked_;
  looked_ = now;
  if (pause > longest_pause_) end_ = later(end_, pause - longest_pause_);
  return now >= end_;
}

Clock::time_point StallAwareTimeout::next_look() const {
  return std::min(end_, looked_ + longest_pause_ / 2);
}

}  // namespace hierevo::comm::detail
