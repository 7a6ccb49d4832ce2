#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::core {

/// A program as it is to be started.
struct Program {
  std::vector<std::string> command{};      ///< path of the program and its arguments; no shell
  std::vector<std::string> environment{};  ///< all of it, NAME=VALUE
  /// What becomes its descriptors 0, 1, 2 and so on; no_descriptor there is /dev/null. Nothing else
  /// is open in it.
  std::vector<int> descriptors{};
  /// True: it ends by what is sent to all of a job, but not by SIGUSR1 and SIGUSR2, which tell
  /// (from Slurm, for one) that the job's time ends. False: it ignores those that this process
  /// ignores.
  bool ends_by_job_signals = true;
  std::optional<std::uint64_t> memory_limit{};  ///< bytes of address space
  std::vector<int> cpus{};                      ///< cores it is bound to; empty: as this process
};
inline constexpr int no_descriptor = -1;

/// What a launcher, a terminal or a pipe sends to all of a job.
inline constexpr std::array job_signals = {SIGTERM, SIGINT,  SIGHUP,  SIGUSR1, SIGUSR2, SIGCONT,
                                           SIGQUIT, SIGXCPU, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU};

struct ProgramStart {
  int pid = -1;
  int error = 0;  ///< errno where it could not be started
};

/// Forks and becomes the program in the child, which is the leader of a process group of its own
/// and is killed when the thread that started it ends. Returns once the program runs. May be called
/// from any thread; the child is to be waited for by the caller.
ProgramStart start_program(const Program& program);

/// This process's environment with the entries of `more` in place of those of the same name, and
/// without those of its own that `is_left_out` chooses.
std::vector<std::string> environment_with(const std::vector<std::string>& more,
                                          bool (*is_left_out)(std::string_view entry) = nullptr);

}  // namespace hierevo::core
