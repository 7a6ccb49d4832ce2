// The folder of a job on a node. Its parent belongs to root, so that nobody can plant anything
// there: FOLDER (root, 0755) / JOBID (the user, 0700) / what is staged.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "as_user.hpp"

namespace hierevo::spank {

std::string job_folder_path(const std::string& folder, std::uint32_t job);

/// Creates the job's folder and its parent if they are missing. To be called as slurmd's user
/// (root). A parent that others may write to is refused. Throws UsageError and IoError.
void make_job_folder(const std::string& folder, std::uint32_t job, const User& user);

/// Removes the job's folder as root, and its contents as its user. Returns whether there was one.
/// Throws core::Error if something stays, if the folder is not the user's, or if the removal takes
/// longer than `limit`. This process itself does not access the disk, and continues at the limit or
/// at most a second later.
bool remove_job_folder(const std::string& folder, std::uint32_t job, const User& user,
                       std::chrono::milliseconds limit);

}  // namespace hierevo::spank
