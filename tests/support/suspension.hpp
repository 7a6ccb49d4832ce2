// Processes that are suspended, as schedulers do with whole jobs.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::test {

/// Stops process `id`, and continues it after `time`. May be called after fork().
inline void suspend(pid_t id, std::chrono::milliseconds time) {
  ::kill(id, SIGSTOP);
  timespec left{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
  ::kill(id, SIGCONT);
}

/// A byte from one process to another.
class Signpost {
 public:
  Signpost() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    read_ = core::Descriptor(ends[0]);
    write_ = core::Descriptor(ends[1]);
  }
  void show() const {
    const char byte = 1;
    if (::write(write_.get(), &byte, 1) != 1) throw std::runtime_error("nobody reads");
  }
  /// False if the other one has exited.
  bool wait() const {
    char byte = 0;
    ssize_t count = 0;
    do {
      count = ::read(read_.get(), &byte, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1;
  }
  /// The other process has the remaining ends.
  void keep_only_reading() { write_.reset(); }
  void keep_only_showing() { read_.reset(); }

 private:
  core::Descriptor read_;
  core::Descriptor write_;
};

}  // namespace hierevo::test
