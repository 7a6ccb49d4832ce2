#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace hierevo::search {

/// A rank that evaluates: where it runs, and whether it works.
struct RankFacts {
  int rank = 0;
  std::string host;            ///< empty before it has reported
  std::string place;           ///< the devices or cores of its evaluators
  std::size_t evaluators = 0;  ///< candidates at the same time
  std::string state;           ///< starting, working, silent, dead, quarantined, left or broken
  std::string reason;          ///< why it does not work

  bool operator==(const RankFacts&) const = default;
};

/// As programs read it.
void to_json(nlohmann::json& json, const RankFacts& rank);

/// The ranks of the latest start of a search.
struct RankRecord {
  std::int64_t began = 0;  ///< seconds since 1970
  std::string program;     ///< its version
  std::string log;         ///< the file with the messages of rank 0; empty: unknown
  std::vector<RankFacts> ranks;
};

/// Keeps it in RUN/ranks.json for people, for the process that holds the run directory. As with
/// write_progress(), nothing depends on it: errors are ignored.
void write_ranks(const std::filesystem::path& run, const RankRecord& record);
/// Nothing when there is no such file, or no valid one.
std::optional<RankRecord> read_ranks(const std::filesystem::path& run);

}  // namespace hierevo::search
