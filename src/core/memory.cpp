#include "hierevo/core/memory.hpp"
#include "hierevo/core/numbers.hpp"

#include <fmt/format.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

namespace hierevo::core {

namespace fs = std::filesystem;

namespace {

/// The number in a file; "max", or nothing readable, is none.
std::optional<std::int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  file >> text;
  return parse_number<std::int64_t>(text);
}

void lower(std::optional<std::int64_t>& limit, std::optional<std::int64_t> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

/// What stands behind `name` in a file of names and numbers.
std::optional<std::int64_t> number_of(std::string_view name, const fs::path& path) {
  std::ifstream file(path);
  std::string found;
  for (std::int64_t value = 0; file >> found >> value;) {
    if (found == name) return value;
  }
  return std::nullopt;
}

/// Calls `look` with the folder of the memory control group that `membership` names, and with those
/// of the groups it lies in, outwards.
void for_each_group(const fs::path& membership, const fs::path& mount,
                    const std::function<void(const fs::path& folder, bool unified)>& look) {
  std::ifstream groups(membership);
  // HIERARCHY:CONTROLLERS:PATH, where version 2 has no controllers.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(",memory,") == std::string::npos) continue;
    const fs::path top = unified ? mount : mount / "memory";
    // Within a container the path may lead to what is not mounted there: the groups above hold.
    for (fs::path group = line.substr(second + 1);; group = group.parent_path()) {
      look(top / group.relative_path(), unified);
      if (!group.has_relative_path()) break;
    }
  }
}

}  // namespace

std::optional<std::int64_t> memory_limit_of_group(const fs::path& membership,
                                                  const fs::path& mount) {
  std::optional<std::int64_t> limit;
  for_each_group(membership, mount, [&limit](const fs::path& folder, bool unified) {
    lower(limit, number_in(folder / (unified ? "memory.max" : "memory.limit_in_bytes")));
  });
  return limit;
}

std::optional<std::int64_t> oom_kills_of_group(const fs::path& membership, const fs::path& mount) {
  std::optional<std::int64_t> kills;
  for_each_group(membership, mount, [&kills](const fs::path& folder, bool unified) {
    if (!kills) {
      kills = number_of("oom_kill", folder / (unified ? "memory.events" : "memory.oom_control"));
    }
  });
  return kills;
}

std::int64_t usable_memory() {
  const std::int64_t machine = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  const auto limit = memory_limit_of_group("/proc/self/cgroup", "/sys/fs/cgroup");
  return limit ? std::min(machine, *limit) : machine;
}

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);  // never
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

std::int64_t oom_kills() {
  const auto of_group = oom_kills_of_group("/proc/self/cgroup", "/sys/fs/cgroup");
  return of_group ? *of_group : number_of("oom_kill", "/proc/vmstat").value_or(0);
}

}  // namespace hierevo::core
