#include "hierevo/core/memory.hpp"

#include <fmt/format.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <charconv>
#include <fstream>
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
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

void lower(std::optional<std::int64_t>& limit, std::optional<std::int64_t> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

}  // namespace

std::optional<std::int64_t> memory_limit_of_group(const fs::path& membership,
                                                  const fs::path& mount) {
  std::optional<std::int64_t> limit;
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
    const char* name = unified ? "memory.max" : "memory.limit_in_bytes";
    // Within a container the path may lead to what is not mounted there: the groups above hold.
    for (fs::path group = line.substr(second + 1);; group = group.parent_path()) {
      lower(limit, number_in(top / group.relative_path() / name));
      if (!group.has_relative_path()) break;
    }
  }
  return limit;
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
  std::ifstream statistics("/proc/vmstat");
  std::string name;
  for (std::int64_t value = 0; statistics >> name >> value;) {
    if (name == "oom_kill") return value;
  }
  return 0;
}

}  // namespace hierevo::core
