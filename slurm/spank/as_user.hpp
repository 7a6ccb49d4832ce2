// Work as a job's user, from a process that is root.
#pragma once

#include <sys/types.h>

#include <functional>

namespace hierevo::spank {

struct User {
  uid_t uid;
  gid_t gid;
};

/// Runs `work` in a child process that has given up root for good, and has this user's rights but
/// for supplementary groups; waits for it. Throws InternalError with the text of what `work` threw,
/// and when the rights cannot be given up or the child is killed. Where this process is not root,
/// it must be the user's already.
void run_as(const User& user, const std::function<void()>& work);

}  // namespace hierevo::spank
