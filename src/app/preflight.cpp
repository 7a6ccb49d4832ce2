#include "preflight.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <thread>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/core/numbers.hpp"
#include "hierevo/core/temporary_path.hpp"

namespace hierevo::app {

namespace {

using Clock = std::chrono::system_clock;

/// Of the time limit: Slurm's signals and a busy file system may be late.
constexpr std::chrono::seconds margin(30);

/// The folder, or the nearest one above it that is there, with a number of levels between.
struct NearestFolder {
  std::filesystem::path path;
  int levels = 0;

  explicit NearestFolder(const std::filesystem::path& folder)
      : path(std::filesystem::absolute(folder / "").lexically_normal().parent_path()) {
    std::error_code error;
    while (!std::filesystem::exists(path, error) && path.has_relative_path()) {
      path = path.parent_path();
      ++levels;
    }
  }
};

int small_number_in(const char* variable) {
  return static_cast<int>(
      std::clamp<long long>(core::number_in_environment<long long>(variable), 0, 1 << 30));
}

}  // namespace

SlurmJob SlurmJob::here() {
  SlurmJob job;
  job.present = std::getenv("SLURM_JOB_ID") != nullptr;
  if (!job.present) return job;
  job.tasks = small_number_in("SLURM_NTASKS");
  job.step_tasks = small_number_in("SLURM_STEP_NUM_TASKS");
  job.rank = small_number_in("SLURM_PROCID");
  job.node = small_number_in("SLURM_NODEID");
  job.gpus_on_node = small_number_in("SLURM_GPUS_ON_NODE");
  job.cpus_per_task = small_number_in("SLURM_CPUS_PER_TASK");
  // Older Slurms do not say; slurm/search.sh then does.
  const auto end = core::number_in_environment<long long>("SLURM_JOB_END_TIME");
  constexpr long long far_away = 1LL << 33;  // seconds; more would not fit into the clock
  if (end > 0 && end < far_away) job.end = Clock::time_point(std::chrono::seconds(end));
  // A year is how Slurm writes that there is no limit.
  constexpr auto no_limit = std::chrono::hours(364 * 24);
  if (job.end && *job.end - Clock::now() > no_limit) job.end.reset();
  return job;
}

void check_launch(const SlurmJob& job, bool by_mpi, bool alone_on_purpose, std::string_view alone) {
  if (by_mpi) return;
  if (job.step_tasks > 1) {
    throw core::UsageError(
        fmt::format("srun started {} tasks, but for MPI each of them is alone", job.step_tasks),
        "each would do all of the work, in the same folder",
        "Use srun --mpi=pmix (srun --mpi=list shows what there is) with an MPI built for it, or "
        "start mpirun in the job.");
  }
  if (job.tasks > 1 && job.step_tasks == 0 && !alone_on_purpose) {
    throw core::UsageError(
        fmt::format("This job has {} tasks, but only one process was started", job.tasks),
        "neither srun nor mpirun started it",
        fmt::format("Write srun or mpirun before the command, or {} for one process.", alone));
  }
}

void check_ranks(const SlurmJob& job, bool by_mpi, int ranks) {
  if (ranks > 1) return;
  if (job.step_tasks <= 1) {
    if (!by_mpi) return;
    throw core::UsageError("Each process of this launcher considers itself the only rank",
                           "its MPI is not the one that hierevo was built with",
                           "Use the mpirun of that MPI: load its module, in the job too.");
  }
  throw core::UsageError(
      fmt::format("All {} tasks of srun consider themselves rank 0", job.step_tasks),
      "this MPI was built without support for Slurm's process manager",
      "Start mpirun in the job, or use an MPI that was built with PMIx (srun --mpi=list).");
}

void check_devices(const SlurmJob& job, int ranks_on_node, bool master_evaluates) {
  const int coordinators = job.node == 0 && !master_evaluates ? 1 : 0;
  const int evaluating = ranks_on_node - coordinators;
  if (job.gpus_on_node == 0 || evaluating <= job.gpus_on_node) return;
  throw core::UsageError(
      fmt::format("{} ranks of this node evaluate on {} GPUs", evaluating, job.gpus_on_node),
      "two processes would share a GPU without being asked to",
      "Ask for fewer tasks a node or more GPUs; to share GPUs give --evaluators-per-device.");
}

std::string odd_threads(const SlurmJob& job, int threads, bool given, int at_once, int cores) {
  if (threads > cores && cores > 0) {
    return core::error_text(
        fmt::format("--threads is {}", threads),
        fmt::format("this process may run on {} core{}", cores, cores == 1 ? "" : "s"),
        "Give fewer, or bind ranks to more cores: --cpus-per-task under Slurm, --map-by "
        "slot:PE=N or --bind-to none under mpirun.");
  }
  const int most = std::min(job.cpus_per_task, cores) / at_once;
  if (given || most <= threads) return "";
  return core::error_text(
      fmt::format("--threads is {}", threads),
      fmt::format("each task of the job has {} CPUs, and the others idle", job.cpus_per_task),
      fmt::format("Give --threads {}, or {} if that is intended.", most, threads));
}

void check_room(const std::filesystem::path& run, std::uintmax_t bytes) {
  const std::filesystem::path place = NearestFolder(run).path;
  std::error_code error;
  const auto space = std::filesystem::space(place, error);
  if (error || space.available >= bytes) return;  // what cannot be asked is found out later
  throw core::CheckpointError(
      place, fmt::format("only {} MB are free on its file system", space.available >> 20),
      fmt::format("{} MB are needed", bytes >> 20), "Free some space, or choose another folder.");
}

void check_memory(const genome::Plan& plan, int image_size, std::int64_t images, int processes) {
  constexpr double part_of_torchs = 0.5;  // that the executor for CPUs needs
  const double needed = part_of_torchs * training_bytes(plan, image_size, images);
  const double available = static_cast<double>(core::usable_memory()) / processes;
  if (needed <= available) return;
  constexpr double gigabyte = 1e9;
  throw core::UsageError(
      "The network is too large for this machine",
      fmt::format("training it on {} images of {}×{} at a time takes about {:.3g} GB of memory, "
                  "and {:.3g} are available",
                  images, image_size, image_size, needed / gigabyte, available / gigabyte),
      "Use fewer --channels, a smaller --batch, more --micro-batches, or another cell.");
}

SharedFolderToken::SharedFolderToken(const std::filesystem::path& run) {
  const NearestFolder nearest(run);
  levels_ = nearest.levels;
  path_ = core::temporary_path(nearest.path / ".shared");
  const core::Descriptor file(
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file) throw core::IoError(nearest.path, "write into the folder", errno);
}

SharedFolderToken::~SharedFolderToken() {
  ::unlink(path_.c_str());
}

std::string SharedFolderToken::text() const {
  return fmt::format("{} {}", levels_, path_.filename().string());
}

void check_shared(const std::filesystem::path& run, const std::string& token) {
  constexpr std::chrono::seconds patience(10);  // network file systems may show files late
  constexpr std::chrono::milliseconds pause(50);
  const std::size_t space = token.find(' ');
  std::filesystem::path folder =
      std::filesystem::absolute(run / "").lexically_normal().parent_path();
  for (int levels = std::stoi(token.substr(0, space)); levels > 0; --levels) {
    folder = folder.parent_path();
  }
  const std::filesystem::path file = folder / token.substr(space + 1);
  const auto end = std::chrono::steady_clock::now() + patience;
  std::error_code error;
  while (!std::filesystem::exists(file, error)) {
    if (std::chrono::steady_clock::now() >= end) {
      throw core::UsageError(
          fmt::format("'{}' is not the folder that rank 0 has there", folder.string()),
          "it is on no file system that both nodes share", "Choose a --run that all nodes see.");
    }
    std::this_thread::sleep_for(pause);
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw core::IoError(folder, "write into the folder", errno);
  }
}

std::optional<Clock::time_point> last_moment(const SlurmJob& job,
                                             std::chrono::duration<double> grace,
                                             Clock::time_point now) {
  if (!job.end || *job.end <= now) return std::nullopt;
  const Clock::duration reserve = std::chrono::duration_cast<Clock::duration>(grace + margin);
  return std::max(*job.end - reserve, now + (*job.end - now) / 4 * 3);
}

}  // namespace hierevo::app
