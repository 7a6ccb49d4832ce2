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
  std::uint64_t limit;  ///< bytes that may be there in all
  /// What SLURM_RESTART_COUNT says. The first start of a job has none, but neither has a step that
  /// was started from a login shell; and one from within another job has that job's.
  std::optional<std::uint32_t> restarts;
  /// When this start of the job began, as Slurm knows it; nothing where it does not answer, and
  /// then it is asked again, for two minutes. Asked for only when `restarts` is larger than what
  /// was noted: whether that is true decides about the job's data.
  std::function<std::optional<std::time_t>()> job_began;
  std::uint32_t step;  ///< the job step
};

struct Staged {
  std::string path;  ///< of the copy
  bool is_folder = false;
  bool copied = false;  ///< by this call; or it was there already
  TreeSize size;        ///< only when copied, as are the following
  double seconds = 0.0;
  std::uint64_t free_bytes = 0;  ///< that are left on the disk
};

/// Another task of this step has said why it cannot be staged.
class ToldAlready : public core::Error {
 public:
  ToldAlready() : Error("Staging has failed in another task.") {}
};

/// Copies what is wanted into the job's folder, unless it is there: to be called in every task, as
/// the user, of which one copies while the others of the node wait. What an earlier start of the
/// job has left is removed: only where the restart count has grown, and the note of the smaller one
/// is older than this start. When it fails, nothing but what was there before is left. Throws
/// UsageError, also where Slurm does not answer, and IoError.
Staged stage(const StageRequest& request, const StagePlace& place);

}  // namespace hierevo::spank
