#include "job_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tree.hpp"
#include "tree_removal.hpp"

namespace hierevo::spank {

namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

core::Descriptor open_base(const std::string& folder) {
  core::Descriptor base(::open(folder.c_str(), folder_flags));
  if (!base) return base;
  const struct stat status = status_of(base.get(), folder);
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw core::UsageError(
        fmt::format("The folder '{}' for staged data cannot be used", folder),
        "others than root could put something there",
        "Administrators: give it to root with mode 0755, or remove it; it is created again.");
  return base;
}

core::Descriptor make_base(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) throw failed(folder, "create");
  core::Descriptor base = open_base(folder);
  if (!base) throw failed(folder, "open");
  // The job's umask may be in force, but users must be able to enter the folder.
  constexpr mode_t passable = S_IRWXU | S_IXGRP | S_IXOTH;
  const mode_t mode = status_of(base.get(), folder).st_mode & 07777;
  if ((mode & passable) != passable && ::fchmod(base.get(), mode | passable) != 0)
    throw failed(folder, "set the mode of");
  return base;
}

}  // namespace

std::string job_folder_path(const std::string& folder, std::uint32_t job) {
  return fmt::format("{}/{}", folder, job);
}

void make_job_folder(const std::string& folder, std::uint32_t job, const User& user) {
  const core::Descriptor base = make_base(folder);
  const std::string path = job_folder_path(folder, job);
  const std::string name = std::to_string(job);
  if (::mkdirat(base.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
    throw failed(path, "create");
  const core::Descriptor own(::openat(base.get(), name.c_str(), folder_flags));
  if (!own) throw failed(path, "open");
  const uid_t owner = status_of(own.get(), path).st_uid;
  if (owner == user.uid) return;
  // If it is this process's user's, it was just created, perhaps by another task.
  if (owner != ::geteuid())
    throw core::UsageError(fmt::format("'{}' belongs to another user", path),
                           "a job with the same number has left it", "Administrators: remove it.");
  if (::fchown(own.get(), user.uid, user.gid) != 0) throw failed(path, "change the owner of");
}

namespace {

/// Finds the folder as root, and continues from there as its user. Returns whether there is one.
bool empty_job_folder(const std::string& folder, std::uint32_t job, const User& user) {
  const core::Descriptor base = open_base(folder);
  if (!base && errno == ENOENT) return false;
  if (!base) throw failed(folder, "open");
  const std::string path = job_folder_path(folder, job);
  const std::string name = std::to_string(job);
  struct stat status = {};
  if (::fstatat(base.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    throw failed(path, "inspect");
  }
  if (status.st_uid != user.uid) return true;
  become(user);
  if (::fchmodat(base.get(), name.c_str(), 0700, 0) != 0) throw failed(path, "set the mode of");
  const core::Descriptor own(::openat(base.get(), name.c_str(), folder_flags));
  if (!own) throw failed(path, "open");
  remove_contents(own.get(), path);
  return true;
}

void remove_empty_job_folder(const std::string& folder, std::uint32_t job) {
  const core::Descriptor base = open_base(folder);
  if (!base) throw failed(folder, "open");
  if (::unlinkat(base.get(), std::to_string(job).c_str(), AT_REMOVEDIR) != 0)
    throw failed(job_folder_path(folder, job), "remove");
}

}  // namespace

bool remove_job_folder(const std::string& folder, std::uint32_t job, const User& user,
                       std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + limit;
  const std::string what = fmt::format("The removal of '{}'", job_folder_path(folder, job));
  if (!in_child(
          what, [&] { return empty_job_folder(folder, job, user); }, limit))
    return false;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return in_child(
      what, [&] { return remove_empty_job_folder(folder, job), true; }, left, limit);
}

}  // namespace hierevo::spank
