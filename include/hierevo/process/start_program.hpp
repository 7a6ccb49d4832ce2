#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hierevo::process {

/// A program as it is to be started.
struct Program {
  std::vector<std::string> command{};      ///< path of the program and its arguments; no shell
  std::vector<std::string> environment{};  ///< all of it, NAME=VALUE
  /// What becomes its descriptors 0, 1, 2 and so on; no_descriptor there is /dev/null. Nothing else
  /// is open in it.
  std::vector<int> descriptors{};
  /// True: signals that are sent to a whole job end it, except SIGUSR1 and SIGUSR2, which tell
  /// (from Slurm, for one) that the job's time ends. False: it ignores those that this process
  /// ignores.
  bool ends_by_job_signals = true;
  /// True: what it leaves behind, in whatever group or session, is killed before its end is
  /// reported. A process between it and this one sees to that; it is the one whose number
  /// start_program() gives, ends as the program does, and kills all by SIGTERM.
  bool leaves_nothing = false;
  std::optional<std::uint64_t> memory_limit{};  ///< bytes of address space
  std::vector<int> cpus{};                      ///< cores it is bound to; empty: as this process
};
/// In Program::descriptors: /dev/null.
inline constexpr int no_descriptor = -1;

/// What a launcher, a terminal or a pipe sends to all of a job.
inline constexpr std::array job_signals = {SIGTERM, SIGINT,  SIGHUP,  SIGUSR1, SIGUSR2, SIGCONT,
                                           SIGQUIT, SIGXCPU, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU};

/// What came of the start of a program.
struct ProgramStart {
  int pid = -1;
  int error = 0;  ///< errno where it could not be started
};

/// Forks and becomes the program in the child, which is the leader of a process group of its own
/// and is killed when the thread that started it ends. Whatever this process does with SIGPIPE and
/// SIGXFSZ, it begins with what is usual. Returns once the program runs. May be called from any
/// thread; the child is to be waited for by the caller.
ProgramStart start_program(const Program& program);

/// This process's environment with the entries of `more` in place of those of the same name, and
/// without what a launcher of ranks (mpirun, mpiexec, srun) tells the process that it starts: a
/// program that found it would take itself for that rank. The user's own settings stay.
std::vector<std::string> environment_with(const std::vector<std::string>& more);

}  // namespace hierevo::process
