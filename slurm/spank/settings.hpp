// What the administrator sets after the plugin's name in plugstack.conf.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace hierevo::spank {

struct Settings {
  std::string folder;  ///< on a disk of each node, with the staged data. Empty: nothing is staged
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  ///< bytes per job and node
  std::chrono::seconds removal_limit = std::chrono::minutes(10);    ///< at the end of a job
};

/// Reads "folder=/local/hierevo", "limit=200G" and "removal-seconds=60". Throws UsageError for
/// anything else.
Settings parse_settings(std::span<const char* const> arguments);

}  // namespace hierevo::spank
