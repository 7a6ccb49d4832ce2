#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/core/owner.hpp"
#include "hierevo/evolution/engine.hpp"

namespace hierevo::io {

/// How the run was doing when the snapshot was taken: for people, the search does not use it.
struct RunProgress {
  std::string state;              ///< "running", "saved", "finished" or "stopped"
  std::int64_t unix_seconds = 0;  ///< when the snapshot was taken
  double elapsed_seconds = 0.0;   ///< searched so far, over all starts
  double busy_seconds = 0.0;      ///< that workers evaluated, over all starts
  double worker_seconds = 0.0;    ///< that workers were connected, over all starts
  int workers = 0;                ///< now

  /// Of the time that workers were connected, the share in which they evaluated. 0 before any was,
  /// and of the numbers of a damaged file.
  double utilisation() const {
    if (!(worker_seconds > 0.0)) return 0.0;
    const double share = busy_seconds / worker_seconds;
    return std::isfinite(share) ? std::max(0.0, share) : 0.0;
  }
};

/// A search at one moment, complete: what is needed to resume it.
struct Snapshot {
  evolution::EngineOptions options;
  evolution::EngineState state;
  RunProgress progress;
  core::OwnerMark owner{};  ///< the start of the search that has written it
};

/// The snapshot as the bytes of an HDF5 file after a text block with its length and checksum
/// (io/FORMAT.md). Throws InternalError when HDF5 fails.
std::vector<std::byte> encode_snapshot(const Snapshot& snapshot);

/// Reads back. Verifies the checksum before HDF5 sees a byte, then checks every type, shape and
/// value. Throws CheckpointError that names `path` and what is wrong, also for a newer version.
Snapshot decode_snapshot(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// The incarnation in its owner mark, without reading the rest. Throws CheckpointError.
std::uint64_t incarnation_of(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// The snapshot in this file. Throws CheckpointError as above, and IoError.
Snapshot read_snapshot(const std::filesystem::path& path);

/// Replaces `path` by the snapshot; the two earlier ones are kept as PATH.1 and PATH.2. At every
/// moment, even after a crash, at least one complete snapshot exists. Throws IoError.
void save_snapshot(const Snapshot& snapshot, const std::filesystem::path& path);

/// A snapshot that was read, and what was skipped to get it (one sentence each).
struct LoadedSnapshot {
  Snapshot snapshot;
  std::filesystem::path path;
  std::vector<std::string> warnings;
};

/// The newest good snapshot among PATH, PATH.1 and PATH.2: of the highest incarnation, since a
/// start that was taken over may have written late, and of these the first. Nothing when none of
/// the files exists; throws CheckpointError when there are some and none is good, or when one that
/// would be the newest is from a newer version (an earlier one in its place would lose
/// evaluations). Changes no file.
std::optional<LoadedSnapshot> load_snapshot(const std::filesystem::path& path);

}  // namespace hierevo::io
