#pragma once

#include <chrono>

#include "deadline.hpp"

namespace hierevo::comm::detail {

/// How long others are waited for, counted from look to look. Of the time between two looks no more
/// counts than longest_pause(): beyond it nobody was late, but this process stood still, as when a
/// whole job is suspended. Belongs to one thread.
class StallAwareTimeout {
 public:
  /// All of `limit` is left at `now`.
  explicit StallAwareTimeout(std::chrono::nanoseconds limit, Clock::time_point now = Clock::now());
  /// All of it is left again.
  void restart(Clock::time_point now = Clock::now());

  /// A look at whether the others have come, in vain: whether that is enough.
  bool spent(Clock::time_point now = Clock::now());
  /// When it is spent, if nothing stands still.
  Clock::time_point end() const { return end_; }
  /// When who waits should look again, so that all of the time counts.
  Clock::time_point next_look() const;

  /// A second, or a quarter of a limit below four.
  std::chrono::nanoseconds longest_pause() const { return longest_pause_; }

 private:
  std::chrono::nanoseconds limit_;
  std::chrono::nanoseconds longest_pause_;
  Clock::time_point looked_;
  Clock::time_point end_;
};

}  // namespace hierevo::comm::detail
