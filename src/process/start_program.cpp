#include "hierevo/process/start_program.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "close_descriptors.hpp"
#include "enclosure.hpp"
#include "hierevo/core/descriptor.hpp"

namespace hierevo::process {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// What follows runs in the child. Other threads may have held any lock when it was forked: only
// system calls are allowed, and no memory is taken.

void bind_to(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  }
  ::sched_setaffinity(0, sizeof set, &set);  // where it is refused, it is only not bound
}

/// Ends the child; why, `errno` says.
[[noreturn]] void report(int trouble) {
  const int error = errno;
  static_cast<void>(!::write(trouble, &error, sizeof error));
  ::_exit(127);
}

/// The descriptor, unless it could not be made.
int made(int descriptor, int trouble) {
  if (descriptor < 0) report(trouble);
  return descriptor;
}

/// Puts the descriptors in their places, behind them the one that reports trouble, and closes all
/// others. Gives the place of that one. Changes `descriptors`, for lack of other memory.
int arrange_descriptors(std::vector<int>& descriptors, int trouble) {
  const int trouble_place = static_cast<int>(descriptors.size());
  const int first_free = trouble_place + 1;
  // First out of the way of the places.
  const auto moved = [&](int descriptor) {
    return made(::fcntl(descriptor, F_DUPFD_CLOEXEC, first_free), trouble);
  };
  for (int& descriptor : descriptors) {
    const bool none = descriptor == no_descriptor;
    descriptor = moved(none ? made(::open("/dev/null", O_RDWR | O_CLOEXEC), trouble) : descriptor);
  }
  const int trouble_copy = moved(trouble);
  for (int place = 0; place < trouble_place; ++place) {
    made(::dup2(descriptors[static_cast<std::size_t>(place)], place), trouble_copy);
  }
  made(::dup2(trouble_copy, trouble_place), trouble_copy);
  made(::fcntl(trouble_place, F_SETFD, FD_CLOEXEC), trouble_place);
  if (!close_descriptors_from(first_free)) report(trouble_place);
  return trouble_place;
}

void take_signals(const Program& program) {
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  if (program.ends_by_job_signals) {
    for (const int signal : job_signals) ::signal(signal, SIG_DFL);
    for (const int signal : {SIGUSR1, SIGUSR2}) ::signal(signal, SIG_IGN);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const Program& program, char* const* arguments, char* const* environment,
                         int trouble, pid_t parent) {
  // It must not outlive the one that waits for it, however that ends.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);
  bind_to(program.cpus);
  if (program.memory_limit) {
    const rlimit limit{*program.memory_limit, *program.memory_limit};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  take_signals(program);
  ::execve(arguments[0], arguments, environment);
  report(trouble);
}

/// Goes on in a child; this process waits for it, with nothing open. Gives that one's parent.
pid_t go_on_enclosed(pid_t parent, int trouble, std::vector<int>& no_descriptors) {
  begin_enclosure(parent);
  const pid_t between = ::getpid();
  const pid_t program = ::fork();
  if (program < 0) report(trouble);
  if (program == 0) return between;
  ::close(arrange_descriptors(no_descriptors, trouble));
  enclose(program);
}

}  // namespace

ProgramStart start_program(const Program& program) {
  if (program.command.empty()) return {.error = EINVAL};
  std::vector<std::string> command = program.command;
  std::vector<std::string> environment = program.environment;
  std::vector<int> descriptors = program.descriptors;
  const std::vector<char*> arguments = pointers(command);
  const std::vector<char*> entries = pointers(environment);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {.error = errno};
  const core::Descriptor trouble_read(ends[0]);
  core::Descriptor trouble_write(ends[1]);
  std::vector<int> no_descriptors;
  pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return {.error = errno};
  if (pid == 0) {
    if (program.leaves_nothing) {
      parent = go_on_enclosed(parent, trouble_write.get(), no_descriptors);
    }
    const int trouble = arrange_descriptors(descriptors, trouble_write.get());
    become(program, arguments.data(), entries.data(), trouble, parent);
  }
  trouble_write.reset();
  int error = 0;
  ssize_t size = 0;
  // Nothing comes when the program has taken the child's place.
  do {
    size = ::read(trouble_read.get(), &error, sizeof error);
  } while (size < 0 && errno == EINTR);
  if (size != sizeof error) return {.pid = pid};
  ::waitpid(pid, nullptr, 0);
  return {.error = error};
}

}  // namespace hierevo::process
