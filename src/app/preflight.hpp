// What searches and trainings look at before they start of the job that they are part of.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "hierevo/genome/plan.hpp"

namespace hierevo::app {

/// What Slurm says of its job in the environment; nothing of it without Slurm.
struct SlurmJob {
  bool present = false;
  int tasks = 0;          ///< asked for, in the whole job; 0: not said
  int step_tasks = 0;     ///< that srun started together with this process; 0: srun did not
  int rank = 0;           ///< among the tasks of the step
  int node = 0;           ///< number of this node in the job
  int gpus_on_node = 0;   ///< that the job has on this node; 0: none, or not said
  int cpus_per_task = 0;  ///< asked for; 0: not said
  std::optional<std::chrono::system_clock::time_point> end;  ///< of the time limit

  static SlurmJob here();
};

/// Refuses (UsageError) a process that is alone where several should work together: srun has
/// started some, but `by_mpi` says that MPI knows of no others, or the job has several tasks and
/// nothing started them. `alone_on_purpose`: the options say that one process is meant; `alone`:
/// how to say so.
void check_launch(const SlurmJob& job, bool by_mpi, bool alone_on_purpose, std::string_view alone);

/// Refuses MPI that started as one rank where srun started several tasks, or where a launcher of
/// another MPI has started several processes (`by_mpi`: it says so).
void check_ranks(const SlurmJob& job, bool by_mpi, int ranks);

/// Refuses more ranks that evaluate on GPUs than the job has of these on this node.
void check_devices(const SlurmJob& job, int ranks_on_node, bool master_evaluates);

/// What is odd about `threads` (`given`, or the default) of each of so many evaluations that a rank
/// makes `at_once` on `cores`, for a warning; empty where nothing is.
std::string odd_threads(const SlurmJob& job, int threads, bool given, int at_once, int cores);

/// Snapshots and journals of a search are smaller; half-trained candidates may not be.
inline constexpr std::uintmax_t least_room = std::uintmax_t{64} << 20;
/// Refuses (CheckpointError) a file system with less room than `bytes` for `run`, which need not be
/// there yet.
void check_room(const std::filesystem::path& run, std::uintmax_t bytes = least_room);

/// Refuses (UsageError) a network of which training `images` of `image_size`² at a time on a CPU
/// takes more memory than one of `processes` on this node may have.
void check_memory(const genome::Plan& plan, int image_size, std::int64_t images, int processes);

/// A file that is there for a moment, in the run directory or the nearest folder above that exists:
/// a process that finds it there shares that file system with the one that made it.
class SharedFolderToken {
 public:
  /// Throws IoError when it cannot be made: then nothing could be kept there either.
  explicit SharedFolderToken(const std::filesystem::path& run);
  ~SharedFolderToken();
  SharedFolderToken(const SharedFolderToken&) = delete;
  SharedFolderToken& operator=(const SharedFolderToken&) = delete;

  /// For check_shared() of other processes, which may know the folder by another name.
  std::string text() const;

 private:
  std::filesystem::path path_;
  int levels_ = 0;  ///< of the run directory that are not there
};

/// Refuses (UsageError) a run directory that this node does not share with the process that made
/// the token, IoError one that this process cannot write to.
void check_shared(const std::filesystem::path& run, const std::string& token);

/// When a search has to stop by itself, so that all is saved before the job's time limit: `grace`
/// and a margin earlier, but not before three quarters of the time from `now` have passed. Nothing
/// where the limit is not known, or was in the past.
std::optional<std::chrono::system_clock::time_point> last_moment(
    const SlurmJob& job, std::chrono::duration<double> grace,
    std::chrono::system_clock::time_point now);

}  // namespace hierevo::app
