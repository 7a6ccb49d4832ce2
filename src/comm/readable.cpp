#include "readable.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>

namespace hierevo::comm::detail {

namespace {

timespec time_left(Clock::time_point deadline) {
  using namespace std::chrono;
  const auto now = Clock::now();
  if (deadline <= now) return {};
  const auto left =
      std::min<Clock::duration>(deadline - now, hours(1));  // "for ever" would not fit
  const auto whole = duration_cast<seconds>(left);
  return {.tv_sec = whole.count(), .tv_nsec = duration_cast<nanoseconds>(left - whole).count()};
}

}  // namespace

bool wait_until_readable(std::span<const int> descriptors, Clock::time_point deadline) {
  std::array<pollfd, 4> wanted{};
  assert(descriptors.size() <= wanted.size());
  for (std::size_t i = 0; i < descriptors.size(); ++i) wanted[i] = {descriptors[i], POLLIN, 0};
  while (true) {
    const timespec left = time_left(deadline);
    const int ready = ::ppoll(wanted.data(), descriptors.size(), &left, nullptr);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // who reads learns what is wrong
    if (Clock::now() >= deadline) return false;
  }
}

bool is_readable(int descriptor) {
  if (descriptor < 0) return false;
  pollfd wanted{descriptor, POLLIN, 0};
  return ::poll(&wanted, 1, 0) > 0;
}

}  // namespace hierevo::comm::detail
