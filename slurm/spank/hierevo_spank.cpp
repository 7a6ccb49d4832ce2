// The SPANK plugin: options of sbatch, salloc and srun, data on the nodes' own disks, and variables
// that inform hierevo's programs of both. What runs where, and as whom:
//
// clang-format off
//   sbatch, salloc, srun  init, option callbacks  the user  refuse bad options, before the job
//   slurmd                init                    root      refuses unknown settings
//   each task, in its     task_init_privileged    root      creates FOLDER/JOBID for the user
//   process before exec   task_init               the user  copies, and sets variables
//   end of the job        job_epilog              root      removes FOLDER/JOBID
// clang-format on
//
// Data are staged in task_init: there the process already runs as the user for good, and in the
// job's control groups; so nothing is read or written as root, and scancel ends a copy as it ends a
// program. (In user_init a failure would make slurmd drain the node of a batch job, and slurmstepd
// would continue to copy for a cancelled job. And since proctrack/linuxproc kills nothing that is
// called slurmstepd, the process changes its name.) One task of a node copies, the others wait for
// its lock.
//
// If staging fails, the tasks of the node exit with code 2 before their program starts, and those
// of other nodes are killed: they would wait in MPI_Init for ever. Returning an error would do
// nothing if plugstack.conf says `optional`.
//
// slurmstepd removes the options from the environment of its tasks; so task_init sets them again,
// as the variables from which srun in a batch script takes its options.
//
// Only FOLDER, and the empty folders in it, where nobody else can write, are created and removed as
// root. Their contents are removed by a child process that has become the user.
//
// For jobs without these options, the plugin only checks that they were not given. Nothing throws
// across C: each callback is guarded. Whatever comes from a user is checked again on the node,
// since it may have bypassed our sbatch.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <type_traits>

#include "hierevo/core/error.hpp"
#include "hierevo/core/numbers.hpp"
#include "job_folder.hpp"
#include "job_options.hpp"
#include "settings.hpp"
#include "staging.hpp"
#include "text.hpp"

// spank.h declares the callbacks outside of its extern "C". What is declared here is exported, and
// nothing else is; without a declaration, constants would have internal linkage.
#pragma GCC visibility push(default)
extern "C" {
#include <slurm/slurm.h>
#include <slurm/spank.h>
extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;
}
#pragma GCC visibility pop

SPANK_PLUGIN(hierevo, 1)

namespace hierevo::spank {

namespace {

/// The client's (sbatch, salloc or srun): its option callbacks are not given the settings.
Settings client_settings;

/// What went wrong in task_init_privileged of this task's process; task_init reports it.
std::string privileged_failure;

Settings settings_of(int argc, char** argv) {
  return parse_settings(std::span(argv, static_cast<std::size_t>(argc)));
}

template <typename Work>
int guarded(Work work) noexcept {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    slurm_error("hierevo: %s", error.what());
  } catch (...) {
    slurm_error("hierevo: an unknown exception.");
  }
  return -1;
}

void require_folder(const Settings& settings) {
  if (settings.folder.empty())
    throw core::UsageError("--hierevo-stage cannot be used here",
                           "this cluster has set no folder for staged data",
                           "Administrators: set folder=… in plugstack.conf.");
}

// ---- Options
// -------------------------------------------------------------------------------------

enum Option { option_stage, option_evaluators, option_devices, option_count };

int check_option(int option, const char* text, int remote);

char stage_name[] = "hierevo-stage";
char stage_argument[] = "SRC[:NAME]";
char stage_help[] = "copy a file or folder to each node's disk before the tasks start";
char evaluators_name[] = "hierevo-evaluators-per-gpu";
char evaluators_argument[] = "N";
char evaluators_help[] = "candidates that hierevo evaluates at once on each GPU";
char devices_name[] = "hierevo-devices";
char devices_argument[] = "shared|own";
char devices_help[] = "GPUs that a task sees: those that all tasks of the node share, or its own";

std::array<spank_option, option_count> options = {{
    {stage_name, stage_argument, stage_help, 1, option_stage, check_option},
    {evaluators_name, evaluators_argument, evaluators_help, 1, option_evaluators, check_option},
    {devices_name, devices_argument, devices_help, 1, option_devices, check_option},
}};

/// In the client only: a node that refused here would continue without the option.
int check_option(int option, const char* text, int remote) {
  if (remote != 0) return 0;
  return guarded([&] {
    const std::string_view value = text == nullptr ? "" : text;
    if (option == option_evaluators) parse_evaluators(value);
    if (option == option_devices) parse_devices(value);
    if (option == option_stage) {
      parse_stage(value);
      require_folder(client_settings);
    }
  });
}

std::optional<std::string> given(spank_t spank, Option option) {
  char* text = nullptr;
  if (spank_option_getopt(spank, &options[option], &text) != ESPANK_SUCCESS) return std::nullopt;
  return text == nullptr ? "" : text;
}

// ---- A task
// --------------------------------------------------------------------------------------

template <typename Number>
Number item(spank_t spank, spank_item_t which) {
  Number number = 0;
  if (spank_get_item(spank, which, &number) != ESPANK_SUCCESS)
    throw core::InternalError("Slurm does not say which job or user this is.");
  return number;
}

std::string variable(spank_t spank, const char* name) {
  std::array<char, 4096> text = {};
  if (spank_getenv(spank, name, text.data(), text.size() - 1) != ESPANK_SUCCESS) return "";
  return text.data();
}

void set_variable(spank_t spank, const std::string& name, const std::string& value) {
  if (spank_setenv(spank, name.c_str(), value.c_str(), 1) != ESPANK_SUCCESS)
    throw core::InternalError(fmt::format("Cannot set the variable {}.", name));
}

/// Sets the variable from which srun takes an option, for this task and whatever it starts.
void pass_on(spank_t spank, Option option, const std::string& text) {
  std::string name = options[option].name;
  for (char& c : name) c = c == '-' ? '_' : c;
  set_variable(spank, fmt::format("SLURM_SPANK__SLURM_SPANK_OPTION_{}_{}", plugin_name, name),
               text);
}

/// When this start of the job began, by the controller's clock; nothing if it does not respond.
std::optional<std::time_t> job_began(std::uint32_t job) {
  job_info_msg_t* answer = nullptr;
  if (::slurm_load_job(&answer, job, SHOW_ALL) == 0) {
    const std::unique_ptr<job_info_msg_t, decltype(&::slurm_free_job_info_msg)> kept(
        answer, &::slurm_free_job_info_msg);
    for (const auto& one : std::span(answer->job_array, answer->record_count)) {
      if (one.job_id == job) return one.start_time;
    }
  }
  return std::nullopt;
}

void report(const std::string& text) {
  slurm_spank_log("hierevo: %s", text.c_str());
}

void report(spank_t spank, const Staged& staged) {
  report(fmt::format("{}: {} in {} files staged as '{}' in {:.1f} s, {} left on the disk",
                     variable(spank, "SLURMD_NODENAME"), size_text(staged.size.bytes),
                     staged.size.files, staged.path, staged.seconds, size_text(staged.free_bytes)));
}

void stage_data(spank_t spank, const Settings& settings, const std::string& text) {
  const StageRequest request = parse_stage(text);
  require_folder(settings);
  if (!privileged_failure.empty()) throw core::UsageError(privileged_failure);
  const auto job = item<std::uint32_t>(spank, S_JOB_ID);
  const Staged staged =
      stage(request,
            {.folder = job_folder_path(settings.folder, job),
             .limit = settings.limit,
             .restarts = core::parse_number<std::uint32_t>(variable(spank, "SLURM_RESTART_COUNT")),
             .job_began = [job] { return job_began(job); },
             .step = item<std::uint32_t>(spank, S_JOB_STEPID)});
  pass_on(spank, option_stage, text);
  set_variable(spank, "HIEREVO_STAGED", staged.path);
  const auto folder_end = staged.is_folder ? staged.path.npos : staged.path.rfind('/');
  set_variable(spank, "HIEREVO_DATA_DIR", staged.path.substr(0, folder_end));
  if (staged.copied) report(spank, staged);
}

/// Reported once: steps of a batch script already have the variable.
void export_option(spank_t spank, Option option, const char* name, const std::string& value) {
  const bool is_new = variable(spank, name) != value;
  pass_on(spank, option, value);
  set_variable(spank, name, value);
  if (is_new && item<std::uint32_t>(spank, S_TASK_GLOBAL_ID) == 0)
    report(fmt::format("{}={}", name, value));
}

/// The function's parameters differ between versions of Slurm.
template <typename Function>
void kill_step(Function* kill_job_step, std::uint32_t job, std::uint32_t step) {
  if constexpr (std::is_invocable_v<Function*, std::uint32_t, std::uint32_t, std::uint16_t>) {
    kill_job_step(job, step, SIGKILL);
  } else if constexpr (std::is_invocable_v<Function*, std::uint32_t, std::uint32_t, std::uint16_t,
                                           std::uint16_t>) {
    kill_job_step(job, step, SIGKILL, 0);
  } else {
    slurm_step_id_t id = {};
    id.job_id = job;
    id.step_het_comp = NO_VAL;
    id.step_id = step;
    kill_job_step(&id, SIGKILL, 0);
  }
}

/// Tasks of this node notice by themselves that staging has failed.
void kill_tasks_of_other_nodes(spank_t spank) noexcept {
  guarded([&] {
    if (item<std::uint32_t>(spank, S_JOB_NNODES) < 2) return;
    // Once is enough, since Slurm repeats it. Tasks of a node that does not know the step yet are
    // killed by srun as soon as they are launched. No signal reaches tasks that slurmstepd has
    // forked but that have not reached task_init: they start, and srun kills them KillWait + 2 s
    // later. A short wait avoids that: then most have started.
    std::this_thread::sleep_for(std::chrono::seconds(2));
    kill_step(&slurm_kill_job_step, item<std::uint32_t>(spank, S_JOB_ID),
              item<std::uint32_t>(spank, S_JOB_STEPID));
  });
}

void prepare_task(spank_t spank, const Settings& settings) {
  if (const auto text = given(spank, option_stage)) stage_data(spank, settings, *text);
  if (const auto text = given(spank, option_evaluators))
    export_option(spank, option_evaluators, "HIEREVO_EVALUATORS_PER_DEVICE",
                  std::to_string(parse_evaluators(*text)));
  if (const auto text = given(spank, option_devices))
    export_option(spank, option_devices, "HIEREVO_DEVICES", parse_devices(*text));
}

bool any_given(spank_t spank) {
  return given(spank, option_stage) || given(spank, option_evaluators) ||
         given(spank, option_devices);
}

}  // namespace

}  // namespace hierevo::spank

using namespace hierevo::spank;  // NOLINT: the callbacks below are C

int slurm_spank_init(spank_t spank, int argc, char** argv) {
  const spank_context_t context = spank_context();
  const bool is_client = context == S_CTX_LOCAL || context == S_CTX_ALLOCATOR;
  return guarded([&] {
    if (is_client || context == S_CTX_SLURMD) client_settings = settings_of(argc, argv);
    if (!is_client && context != S_CTX_REMOTE) return;
    for (spank_option& option : options) spank_option_register(spank, &option);
  });
}

int slurm_spank_task_init_privileged(spank_t spank, int argc, char** argv) {
  try {
    if (!given(spank, option_stage)) return 0;
    const Settings settings = settings_of(argc, argv);
    if (settings.folder.empty()) return 0;
    make_job_folder(settings.folder, item<std::uint32_t>(spank, S_JOB_ID),
                    {item<uid_t>(spank, S_JOB_UID), item<gid_t>(spank, S_JOB_GID)});
  } catch (const std::exception& error) {
    guarded([&] { privileged_failure = error.what(); });
  }
  return 0;
}

int slurm_spank_task_init(spank_t spank, int argc, char** argv) {
  const int failed = guarded([&] {
    if (!any_given(spank)) return;
    ::prctl(PR_SET_NAME, "hierevo-stage");  // until exec
    try {
      prepare_task(spank, settings_of(argc, argv));
      return;
    } catch (const AlreadyReported&) {
      ::_exit(2);
    } catch (const std::exception& error) {
      report(fmt::format("{}: {}", variable(spank, "SLURMD_NODENAME"), error.what()));
    }
    kill_tasks_of_other_nodes(spank);
    ::_exit(2);
  });
  if (failed != 0) ::_exit(2);
  return 0;
}

int slurm_spank_job_epilog(spank_t spank, int argc, char** argv) {
  // An error would make slurmd drain the node.
  guarded([&] {
    const Settings settings = settings_of(argc, argv);
    if (settings.folder.empty()) return;
    remove_job_folder(settings.folder, item<std::uint32_t>(spank, S_JOB_ID),
                      {item<uid_t>(spank, S_JOB_UID), item<gid_t>(spank, S_JOB_GID)},
                      settings.removal_limit);
  });
  return 0;
}
