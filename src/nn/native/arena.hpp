#pragma once

#include <cstddef>
#include <memory>

namespace hierevo::nn::native {

struct FreeAligned {
  std::size_t alignment = 0;
  void operator()(std::byte* memory) const;
};

/// Memory that only grows, aligned for any vector. Growing discards its contents.
class Arena {
 public:
  /// Throws std::bad_alloc, and then keeps its memory.
  void reserve(std::size_t bytes);
  std::byte* data() const { return memory_.get(); }
  float* floats() const { return reinterpret_cast<float*>(data()); }

 private:
  std::unique_ptr<std::byte, FreeAligned> memory_;
  std::size_t size_ = 0;
};

}  // namespace hierevo::nn::native
