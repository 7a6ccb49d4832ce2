#include "enclosure.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace hierevo::core {

namespace {

/// How long the end of what was killed is waited for: a process that waits for a disk or a network
/// that does not answer ends when that does.
constexpr timespec patience{5, 0};

/// Kills the children of this process; false when there is no telling which those are.
bool kill_children() {
  const int list = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (list < 0) return false;
  std::array<char, 512> chunk{};
  pid_t child = 0;
  ssize_t count = 0;
  while ((count = ::read(list, chunk.data(), chunk.size())) > 0) {
    for (ssize_t i = 0; i < count; ++i) {
      const char letter = chunk[static_cast<std::size_t>(i)];
      if (letter >= '0' && letter <= '9') {
        child = child * 10 + (letter - '0');
      } else if (child > 0) {
        ::kill(child, SIGKILL);
        child = 0;
      }
    }
  }
  ::close(list);
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

}  // namespace hierevo::core
