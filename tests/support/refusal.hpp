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

/// The UsageError that `call` throws says `part`.
#define EXPECT_ERROR(call, part)                                                    \
  do {                                                                              \
    const std::string text = hierevo::test::refusal([&] { call; });                 \
    EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks\n" << (part); \
  } while (false)

}  // namespace hierevo::test
