#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace hierevo::core {

/// Bytes of memory that this process may use: the machine's, or less where a control group (a
/// batch job's, a container's) says so.
std::int64_t usable_memory();

/// The smallest limit in bytes of the control group that `membership` (as /proc/self/cgroup) names
/// and of those it lies in, below `mount` (as /sys/fs/cgroup), version 1 or 2; nothing when there
/// is none.
std::optional<std::int64_t> memory_limit_of_group(const std::filesystem::path& membership,
                                                  const std::filesystem::path& mount);

/// Keeps what this process frees for itself, where its C library can (glibc): memory of the size of
/// feature maps otherwise goes back to the system at once, to be mapped and zeroed again at the
/// next step. For programs that train; to be called before any thread.
void keep_freed_memory();

/// How many processes the kernel has killed so far for lack of memory: of this process's control
/// group where that is counted, else of the machine; 0 where it does not say.
std::int64_t oom_kills();

/// The same, of the innermost control group that `membership` names and that counts it.
std::optional<std::int64_t> oom_kills_of_group(const std::filesystem::path& membership,
                                               const std::filesystem::path& mount);

}  // namespace hierevo::core
