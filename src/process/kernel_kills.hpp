// Which of the kernel's out-of-memory kills may have hit a program that has ended.
#pragma once

#include <chrono>
#include <cstdint>

namespace hierevo::process::detail {

/// Follows a count of all such kills, of which others may be the cause too.
class KernelKills {
 public:
  using Clock = std::chrono::steady_clock;

  /// `count` so far, of which none explains anything.
  explicit KernelKills(std::int64_t count) : count_(count) {}

  /// The count as it is now: to be called often.
  void saw(std::int64_t count, Clock::time_point now) {
    if (now - grew_ > patience) unexplained_ = 0;
    if (count > count_) {
      unexplained_ += count - count_;
      grew_ = now;
    }
    count_ = count;
  }
  /// Whether one of them explains the end of a program. It explains no other.
  bool explains_one() {
    if (unexplained_ == 0) return false;
    --unexplained_;
    return true;
  }

 private:
  /// A program with much memory takes a while from the kill to its end.
  static constexpr std::chrono::seconds patience{10};

  std::int64_t count_;
  std::int64_t unexplained_ = 0;
  Clock::time_point grew_{};
};

}  // namespace hierevo::process::detail
