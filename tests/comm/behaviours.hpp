#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "hierevo/comm/communicator.hpp"

namespace hierevo::test {

/// One thing that every communicator must do. `check` is run by all ranks of a group at once, each
/// with its own communicator, and leaves no message unread.
struct Behaviour {
  const char* name;
  void (*check)(comm::Communicator&);
};

std::span<const Behaviour> behaviours();

inline void PrintTo(const Behaviour& behaviour, std::ostream* stream) {
  *stream << behaviour.name;
}

}  // namespace hierevo::test
