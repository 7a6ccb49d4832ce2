#include "enclosure.hpp"
#include "hierevo/core/numbers.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string_view>

namespace hierevo::process {

namespace {

/// How long the end of what was killed is waited for: a process that waits for a disk or a network
/// that does not answer ends when that does.
constexpr timespec patience{5, 0};

/// The number that `text` is; 0 when it is none.
pid_t number_of(std::string_view text) {
  return core::parse_number<pid_t>(text).value_or(0);
}

/// The parent of a process, by its folder in /proc; 0 when it is gone.
pid_t parent_of(int processes, const char* process) {
  const int folder = ::openat(processes, process, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return 0;
  const int file = ::openat(folder, "stat", O_RDONLY | O_CLOEXEC);
  ::close(folder);
  if (file < 0) return 0;
  std::array<char, 512> chunk{};
  const ssize_t size = ::read(file, chunk.data(), chunk.size());
  ::close(file);
  // NUMBER (NAME) STATE PARENT …, where the name may have any character.
  std::string_view text(chunk.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::size_t before_parent = std::string_view(") S ").size();
  text.remove_prefix(std::min(text.size(), text.rfind(')')));
  text.remove_prefix(std::min(text.size(), before_parent));
  return number_of(text.substr(0, text.find(' ')));
}

/// Whether /proc counts processes as this one does: a container may have that of its host.
bool proc_is_ours() {
  std::array<char, 16> self{};
  const ssize_t size = ::readlink("/proc/self", self.data(), self.size());
  return size > 0 && number_of({self.data(), static_cast<std::size_t>(size)}) == ::getpid();
}

/// Kills the children of this process; false when it cannot be known which those are. Many kernels
/// have no list of them (/proc/thread-self/children), so all processes are asked for their parent.
bool kill_children() {
  if (!proc_is_ours()) return false;
  const int processes = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (processes < 0) return false;
  const pid_t self = ::getpid();
  alignas(dirent64) std::array<char, 4096> entries;
  ssize_t size = 0;
  // readdir() would take memory, which is not to be had in a child of several threads.
  while ((size = ::syscall(SYS_getdents64, processes, entries.data(), entries.size())) > 0) {
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(&entries[static_cast<std::size_t>(at)]);
      at += entry->d_reclen;
      const pid_t process = number_of(entry->d_name);
      if (process > 0 && parent_of(processes, entry->d_name) == self) ::kill(process, SIGKILL);
    }
  }
  ::close(processes);
  return true;
}

sigset_t only(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

/// Those of one that is killed become children of this process before its end is seen here.
void kill_descendants() {
  const sigset_t child_ended = only(SIGCHLD);
  while (true) {
    pid_t ended = 0;
    do {
      ended = ::waitpid(-1, nullptr, WNOHANG);
    } while (ended > 0);
    if (ended < 0) return;  // there are none
    if (!kill_children()) return;
    if (::sigtimedwait(&child_ended, nullptr, &patience) < 0 && errno == EAGAIN) return;
  }
}

[[noreturn]] void end_as(int status) {
  if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  ::prctl(PR_SET_DUMPABLE, 0);  // the program has left a core, where one was wanted
  ::signal(signal, SIG_DFL);
  const sigset_t its = only(signal);
  ::sigprocmask(SIG_UNBLOCK, &its, nullptr);
  ::kill(::getpid(), signal);
  ::_exit(128 + signal);
}

/// Its status, if the program has ended. Others that have ended are waited for besides.
bool has_ended(pid_t program, int& status) {
  siginfo_t info{};
  while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    // Until it is waited for, the number of its group is its own.
    if (info.si_pid == program) ::kill(-program, SIGKILL);
    ::waitpid(info.si_pid, &status, 0);
    if (info.si_pid == program) return true;
    info.si_pid = 0;
  }
  return false;
}

}  // namespace

void begin_enclosure(pid_t parent) {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "hierevo-enclose");
  ::setpgid(0, 0);
  ::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody can be waited for
}

void enclose(pid_t program) {
  ::signal(SIGTERM, SIG_DFL);  // not before: the program may have to ignore it
  sigset_t wanted = only(SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  int status = 0;
  while (!has_ended(program, status)) {
    if (::sigwaitinfo(&wanted, nullptr) != SIGTERM) continue;
    ::kill(-program, SIGKILL);
    ::kill(program, SIGKILL);
    kill_descendants();
    ::_exit(127);
  }
  kill_descendants();
  end_as(status);
}

}  // namespace hierevo::process
