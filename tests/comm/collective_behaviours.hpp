#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <vector>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::test {

/// The memory that a group works on. Each rank has its own.
class GroupMemory {
 public:
  virtual ~GroupMemory() = default;
  /// Stays until the end, at the same place. Not null, also where `bytes` is 0.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void write(void* to, std::span<const std::byte> bytes) = 0;
  virtual std::vector<std::byte> read(const void* from, std::size_t bytes) = 0;
};

class HostMemory final : public GroupMemory {
 public:
  void* allocate(std::size_t bytes) override;
  void write(void* to, std::span<const std::byte> bytes) override;
  std::vector<std::byte> read(const void* from, std::size_t bytes) override;

 private:
  std::vector<std::vector<std::byte>> blocks_;
};

/// One thing that every Collectives must do. `check` is run by all ranks of a group at once, each
/// with its own collectives and memory, and leaves nothing under way.
struct CollectiveBehaviour {
  const char* name;
  void (*check)(comm::Collectives&, GroupMemory&);
};

std::span<const CollectiveBehaviour> collective_behaviours();

inline void PrintTo(const CollectiveBehaviour& behaviour, std::ostream* stream) {
  *stream << behaviour.name;
}

}  // namespace hierevo::test
