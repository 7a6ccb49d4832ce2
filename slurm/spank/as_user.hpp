// Work of a process that is root as a job's user, or on a disk that may not answer.
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

/// Gives up root for good: this process has the user's rights then, but for supplementary groups.
/// Throws InternalError when that is not so. A process that is not root must be the user's already.
void become(const User& user);

/// Runs `work` in a child process, waits for it, and returns what it returns. Throws InternalError
/// with the text of what `work` threw; and, beginning with `what`, when the child is killed, or
/// takes longer than `limit`, or is stopped, as any process of the user that it has become can do
/// to it. In these two cases it is killed, and left behind after another second should it not end
/// even so: nobody waits for a disk that does not answer. `whole` is the limit to report where
/// `limit` is what is left of it.
bool in_child(std::string_view what, const std::function<bool()>& work,
              std::chrono::milliseconds limit,
              std::optional<std::chrono::milliseconds> whole = std::nullopt);

}  // namespace hierevo::spank
