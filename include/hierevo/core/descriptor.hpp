#pragma once

#include <utility>

namespace hierevo::core {

/// Owns a file descriptor, or none.
class Descriptor {
 public:
  /// Owns none.
  Descriptor() = default;
  /// Takes over an open descriptor; -1 is none.
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      value_ = std::exchange(other.value_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }

  /// Whether it owns one.
  explicit operator bool() const { return value_ >= 0; }
  /// The descriptor, which stays owned; -1 where it is none.
  int get() const { return value_; }
  /// Closes it.
  void reset();
  /// Closes it, and returns whether the system took all that was written (NFS reports errors only
  /// here); errno says why not.
  bool close();

 private:
  int value_ = -1;
};

}  // namespace hierevo::core
