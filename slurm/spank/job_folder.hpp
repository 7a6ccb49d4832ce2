// The folder of a job on a node. The folder above it is root's, so that nobody can plant anything
// there: FOLDER (root, 0755) / JOBID (the user, 0700) / what is staged.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "as_user.hpp"

namespace hierevo::spank {

std::string job_folder_path(const std::string& folder, std::uint32_t job);

/// Makes the job's folder where it is not there, and the one above it. As slurmd's user (root). A
/// folder above that others may write to is refused. Throws UsageError and IoError.
void make_job_folder(const std::string& folder, std::uint32_t job, const User& user);

/// Removes the job's folder, as root, and as its user all that is in it. Whether there was one.
/// Throws core::Error when something stays, when the folder is not the user's, or when it takes
/// longer than `limit`. This process itself asks nothing of the disk, and goes on then, or at most
/// a second later.
bool remove_job_folder(const std::string& folder, std::uint32_t job, const User& user,
                       std::chrono::milliseconds limit);

}  // namespace hierevo::spank
