// How often ranks give a sign of life, and how long silence is borne.
#pragma once

#include <algorithm>
#include <chrono>

namespace hierevo::search {

using Seconds = std::chrono::duration<double>;

/// A few signs may be late or lost before anybody is taken for dead.
inline std::chrono::nanoseconds beat_interval(Seconds heartbeat) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(heartbeat / 4);
}

/// Rank 0 may be busy with a slow disk, and without it nothing goes on anyway.
inline std::chrono::nanoseconds patience_with_coordinator(Seconds heartbeat) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(3 * heartbeat);
}

/// Longer between two looks is no silence of others but of this process: it was busy with a slow
/// disk, or stopped, as when a whole job is suspended.
inline constexpr std::chrono::seconds longest_look{1};

}  // namespace hierevo::search
