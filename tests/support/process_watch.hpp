// Waiting for processes that are not this one's children, by their ids.
#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <vector>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::test {

/// How long an event is waited for before its test fails.
inline constexpr int patience_ms = 30'000;

inline bool becomes_readable(int descriptor, int patience = patience_ms) {
  pollfd wanted{descriptor, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wanted, 1, patience);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

/// A process that exists when watching begins.
class ProcessWatch {
 public:
  explicit ProcessWatch(pid_t id)
      : descriptor_(static_cast<int>(::syscall(SYS_pidfd_open, id, 0))) {
    if (!descriptor_) throw std::runtime_error("no such process");
  }
  bool ends() const { return becomes_readable(descriptor_.get()); }
  bool has_ended() const { return becomes_readable(descriptor_.get(), 0); }

 private:
  core::Descriptor descriptor_;
};

inline std::vector<ProcessWatch> watch_all(const std::vector<pid_t>& ids) {
  std::vector<ProcessWatch> all;
  for (const pid_t id : ids) all.emplace_back(id);
  return all;
}

}  // namespace hierevo::test
