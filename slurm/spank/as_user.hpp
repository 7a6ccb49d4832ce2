// Work as a job's user, from a process that is root.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>

namespace hierevo::spank {

struct User {
  uid_t uid;
  gid_t gid;
};

/// Runs `work` in a child process that has given up root for good, and has this user's rights but
/// for supplementary groups; waits for it. Throws InternalError with the text of what `work` threw,
/// and when the rights cannot be given up or the child is killed. A child that takes longer than
/// `limit` is killed and left behind, should it not end even so: nobody waits for a disk that does
/// not answer. Where this process is not root, it must be the user's already.
void run_as(const User& user, const std::function<void()>& work,
            std::chrono::milliseconds limit = std::chrono::minutes(10));

}  // namespace hierevo::spank
