// Data of a job on a node's own disk.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <string>

#include "job_options.hpp"
#include "tree.hpp"

namespace hierevo::spank {

/// Where and for whom something is staged.
struct StagePlace {
  std::string folder;   ///< the job's; the caller's own
  std::uint64_t limit;  ///< most bytes that may be there
  /// The value of SLURM_RESTART_COUNT. The first start of a job has none, but neither has a step
  /// started from a login shell; and a step started within another job has that job's.
  std::optional<std::uint32_t> restarts;
  /// When this start of the job began, according to Slurm; nothing if it does not respond, and then
  /// it is asked again, for two minutes. Called only if `restarts` is larger than the recorded
  /// count: whether that is genuine decides about the job's data.
  std::function<std::optional<std::time_t>()> job_began;
  std::uint32_t step;  ///< the job step
};

struct Staged {
  std::string path;  ///< of the copy
  bool is_folder = false;
  bool copied = false;  ///< by this call; else the copy already existed
  TreeSize size;        ///< set only if copied, as are the following
  double seconds = 0.0;
  std::uint64_t free_bytes = 0;  ///< left on the disk
};

/// Another task of this step has reported why staging failed.
class AlreadyReported : public core::Error {
 public:
  AlreadyReported() : Error("Staging has failed in another task.") {}
};

/// Copies what `request` names into the job's folder, unless it is there. To be called in every
/// task, as the user; one task copies while the others of the node wait. What an earlier start of
/// the job left is removed, but only if the restart count has grown and the record of the smaller
/// one is older than this start. On failure only what was there before is left. Throws UsageError,
/// also if Slurm does not respond, and IoError.
Staged stage(const StageRequest& request, const StagePlace& place);

}  // namespace hierevo::spank
