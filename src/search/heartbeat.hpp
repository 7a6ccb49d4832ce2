// How often ranks send a sign of life, and how long silence is tolerated.
#pragma once

#include <algorithm>
#include <chrono>

namespace hierevo::search {

using Seconds = std::chrono::duration<double>;

/// A few signs may be late or lost before a rank is considered lost.
inline std::chrono::nanoseconds beat_interval(Seconds heartbeat) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(heartbeat / 4);
}

/// Rank 0 may be busy with a slow disk, and without it nothing continues anyway.
inline std::chrono::nanoseconds patience_with_coordinator(Seconds heartbeat) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(3 * heartbeat);
}

/// A longer time between two looks is a pause of this process, not silence of the others: it was
/// busy with a slow disk, or stopped, as when a whole job is suspended.
inline constexpr std::chrono::seconds longest_look{1};

}  // namespace hierevo::search
