#pragma once

#include "deadline.hpp"

namespace hierevo::comm::detail {

/// Paces a loop that polls for messages. MPI's own blocking calls spin, which would take a core per
/// waiting rank away from the evaluations; this one spins only while an answer is likely to come at
/// once, then sleeps in steps that grow with the time waited. So a message is seen late by at most
/// a quarter of the time it was waited for, and never by more than a millisecond, while a rank that
/// idles for long uses about 2 % of a core.
class Backoff {
 public:
  /// A message came or went: the next one may follow at once.
  void restart() { idle_since_ = Clock::now(); }
  /// A message came that takes time to be answered: do not spin meanwhile.
  void restart_without_spinning() { idle_since_ = Clock::now() - spin_time; }

  /// Between two looks. False, without a pause, when `deadline` has passed. Shorter when the
  /// descriptor `or_readable` can be read; -1 is none.
  bool pause(Clock::time_point deadline, int or_readable = -1);

  /// How long to sleep after idling for `idle`; zero means spin.
  static std::chrono::nanoseconds sleep_after(std::chrono::nanoseconds idle);

 private:
  static constexpr std::chrono::nanoseconds spin_time = std::chrono::microseconds(50);

  Clock::time_point idle_since_ = Clock::now();
};

}  // namespace hierevo::comm::detail
