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

}  // namespace hierevo::core
