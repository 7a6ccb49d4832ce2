#pragma once

#include <functional>
#include <string>

#include "hierevo/core/error.hpp"

namespace hierevo::test {

/// The text of the UsageError of `call`, or "accepted".
inline std::string refusal(const std::function<void()>& call) {
  try {
    call();
    return "accepted";
  } catch (const core::UsageError& error) {
    return error.what();
  }
}

}  // namespace hierevo::test
