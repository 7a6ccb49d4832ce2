#include "backoff.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <thread>

#include "readable.hpp"

namespace hierevo::comm::detail {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds shortest_sleep = 20us;
constexpr std::chrono::nanoseconds longest_sleep = 1ms;

/// Linux may end a sleep 50 µs late to save wake-ups, more than twice our shortest one. The slack
/// belongs to the thread, hence set by the one that sleeps, once.
void ask_for_precise_sleep() {
  thread_local const int result = ::prctl(PR_SET_TIMERSLACK, 1UL);
  static_cast<void>(result);  // where it is refused, sleeps are only longer
}

}  // namespace

std::chrono::nanoseconds Backoff::sleep_after(std::chrono::nanoseconds idle) {
  if (idle < spin_time) return 0ns;
  return std::clamp(idle / 4, shortest_sleep, longest_sleep);
}

bool Backoff::pause(Clock::time_point deadline, int or_readable) {
  const auto now = Clock::now();
  if (now >= deadline) return false;
  const auto sleep = std::min(sleep_after(now - idle_since_), deadline - now);
  if (sleep == 0ns) {
    std::this_thread::yield();  // where ranks share a core, to the one that is waited for
    return true;
  }
  ask_for_precise_sleep();
  wait_until_readable({&or_readable, 1}, now + sleep);
  return true;
}

}  // namespace hierevo::comm::detail
