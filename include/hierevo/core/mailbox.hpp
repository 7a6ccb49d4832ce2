#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::core {

/// A descriptor that can be read from notify() to clear(). Thread-safe.
class EventFd {
 public:
  /// Throws IoError where the system has no descriptor left.
  EventFd();
  /// Makes the descriptor readable.
  void notify();
  /// Makes it unreadable until the next notify().
  void clear();
  /// For poll() and the like.
  int descriptor() const { return event_.get(); }

 private:
  Descriptor event_;
};

/// What several threads put in, in order, for one that takes it out and may wait on a descriptor.
template <typename Value>
class Mailbox {
 public:
  /// Puts `value` behind the others. From any thread.
  void put(Value value) {
    const std::scoped_lock lock(mutex_);
    values_.push_back(std::move(value));
    filled_.notify();
  }

  /// Takes out the value that was put in first; nothing where there is none. Does not wait.
  std::optional<Value> take() {
    const std::scoped_lock lock(mutex_);
    if (values_.empty()) return std::nullopt;
    Value value = std::move(values_.front());
    values_.pop_front();
    if (values_.empty()) filled_.clear();
    return value;
  }

  /// Readable as long as there is something to take.
  int descriptor() const { return filled_.descriptor(); }

 private:
  EventFd filled_;
  std::mutex mutex_;
  std::deque<Value> values_;  ///< guarded by mutex_
};

}  // namespace hierevo::core
