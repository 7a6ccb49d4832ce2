// Work that a root process does as a job's user, or on a disk that may not respond.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

namespace hierevo::spank {

struct User {
  uid_t uid;
  gid_t gid;
};

/// Gives up root for good: afterwards this process has the user's rights, without supplementary
/// groups. Throws InternalError if that failed. A process that is not root must already be the
/// user's.
void become(const User& user);

/// Runs `work` in a child process, waits for it, and returns what it returns. Throws InternalError
/// with the text of what `work` threw; and, beginning with `what`, if the child is killed, takes
/// longer than `limit`, or is stopped, which any process of the user that it has become can do. In
/// the last two cases it is killed, and abandoned if it still has not ended a second later: nobody
/// waits for a disk that does not respond. `whole` is the limit to report if `limit` is only what
/// is left of it.
bool in_child(std::string_view what, const std::function<bool()>& work,
              std::chrono::milliseconds limit,
              std::optional<std::chrono::milliseconds> whole = std::nullopt);

}  // namespace hierevo::spank
