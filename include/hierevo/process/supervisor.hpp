#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::process {

/// How a program is to be started.
struct LaunchSpec {
  std::vector<std::string> command;           ///< path of the program and its arguments; no shell
  std::vector<std::string> environment;       ///< NAME=VALUE entries in addition to this process's
  std::optional<std::uint64_t> memory_limit;  ///< bytes of address space
  std::vector<int> cpus;                      ///< cores it is bound to; empty: as this process
};

/// A program that was started; an id is never reused.
enum class ProcessId : std::uint64_t {};

/// How a program has ended.
struct ProcessEnd {
  /// What ended it.
  enum class Cause : std::uint8_t {
    exited = 0,             ///< `code`: its exit code
    signalled = 1,          ///< `code`: the signal
    killed_on_request = 2,  ///< by kill()
    out_of_memory = 3,      ///< by the kernel, or it exited with out_of_memory_exit_code
    not_started = 4,        ///< `code`: errno
  };
  ProcessId id{};
  Cause cause{};
  int code = 0;
};

/// "ended by signal 9 (Killed)", "exited with code 3", …
std::string description(const ProcessEnd& end);

/// The descriptor at which a started program has its side of Process::messages.
inline constexpr int messages_descriptor = 3;
/// The exit code of a program that ran out of memory.
inline constexpr int out_of_memory_exit_code = 86;

/// Starts programs and learns how they end, through a small process that is forked off before MPI
/// and threads begin: with many interconnects a process that runs MPI must not fork.
///
/// Signals to this process's group do not reach the programs: they run in groups of their own and
/// ignore what is sent to stop a job (TERM, INT, HUP, USR1, USR2, CONT, QUIT, XCPU). When this
/// process or the supervisor ends, however that happens, the programs are killed with all that they
/// have started. What a program leaves behind is killed when one ends.
///
/// The supervisor is two processes, either of which may be killed: one starts the programs, the
/// other only kills what that one leaves behind.
///
/// Belongs to one thread. Waits, for a moment, only in the destructor and where the supervisor is
/// slow to read a request.
class Supervisor {
 public:
  /// Forks. Throws InternalError when this process has several threads already, IoError when it
  /// cannot fork.
  Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  /// Ends all programs.
  ~Supervisor();

  /// A program that was started, and what connects this process with it.
  struct Process {
    ProcessId id{};
    /// A SOCK_SEQPACKET socket to the program, non-blocking on this side. Its own for each program:
    /// nothing that an earlier one sent is read from it.
    core::Descriptor messages;
    core::Descriptor output;  ///< what the program prints to standard output and error, likewise
  };
  /// Starts a program; its standard input is empty. A failure to start is reported by
  /// next_end(). Throws IoError where there is no descriptor or memory left to ask for it with.
  Process start(const LaunchSpec& spec);
  /// Kills a program and what it has started. Does nothing when it has ended.
  void kill(ProcessId id);
  /// Which program has ended since, and how.
  std::optional<ProcessEnd> next_end();
  /// Readable when next_end() may have something, and when the supervisor is gone.
  int descriptor() const { return socket_.get(); }
  /// The supervisor was killed, and all its programs with it: nothing more can be started.
  bool gone() const { return gone_; }
  /// Of the supervisor's process that was forked off here, for tests and logs.
  int pid() const { return pid_; }

 private:
  core::Descriptor socket_;
  int pid_ = -1;
  std::uint64_t started_ = 0;
  bool gone_ = false;
};

}  // namespace hierevo::process
