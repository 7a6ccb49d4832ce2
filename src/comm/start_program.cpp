#include "start_program.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::comm::detail {

namespace {

constexpr int first_free = messages_descriptor + 2;  // one more reports trouble
constexpr int trouble_descriptor = messages_descriptor + 1;

/// A launcher's variables: a program that found them would take itself for a rank. Of Slurm's, what
/// tells of a step, or which and how many tasks there are, goes, also where the job has it; the
/// rest stays.
bool is_of_a_launcher(std::string_view entry) {
  constexpr std::array<std::string_view, 16> beginnings = {
      "OMPI_",       "PMIX_",        "PMI_",          "PRTE_",
      "HYDRA_",      "PALS_",        "MPI_LOCAL",     "SLURM_PMI",
      "SLURM_STEP",  "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID",
      "SLURM_GTIDS", "SLURM_NTASKS", "SLURM_NPROCS",  "SLURM_TASK"};
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [entry](std::string_view begin) { return entry.starts_with(begin); });
}

std::string_view name_of(std::string_view entry) {
  return entry.substr(0, entry.find('=') + 1);
}

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> environment = more;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool replaced = std::any_of(more.begin(), more.end(), [text](const std::string& one) {
      return name_of(one) == name_of(text);
    });
    if (!replaced && !is_of_a_launcher(text)) environment.emplace_back(text);
  }
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

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

/// Puts the descriptors in their places, and closes all others.
void arrange_descriptors(int messages, int output, int trouble) {
  // First out of the way of the places.
  const auto moved = [trouble](int descriptor) {
    return made(::fcntl(descriptor, F_DUPFD_CLOEXEC, first_free), trouble);
  };
  const int messages_copy = moved(messages);
  const int output_copy = moved(output);
  const int trouble_copy = moved(trouble);
  const auto put = [trouble_copy](int descriptor, int place) {
    made(::dup2(descriptor, place), trouble_copy);
  };
  put(made(::open("/dev/null", O_RDONLY), trouble_copy), STDIN_FILENO);
  put(output_copy, STDOUT_FILENO);
  put(output_copy, STDERR_FILENO);
  put(messages_copy, messages_descriptor);
  put(trouble_copy, trouble_descriptor);
  made(::fcntl(trouble_descriptor, F_SETFD, FD_CLOEXEC), trouble_descriptor);
  ::closefrom(first_free);  // close_range() is not in older kernels
}

[[noreturn]] void become(const ProcessOrder& order, char* const* arguments,
                         char* const* environment, pid_t supervisor) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(127);
  ::setpgid(0, 0);
  bind_to(order.cpus);
  if (order.memory_limit) {
    const rlimit limit{*order.memory_limit, *order.memory_limit};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(arguments[0], arguments, environment);
  report(trouble_descriptor);
}

}  // namespace

ProgramStart start_program(const ProcessOrder& order, int messages, int output) {
  if (order.command.empty()) return {.error = EINVAL};
  std::vector<std::string> command = order.command;
  std::vector<std::string> environment = environment_with(order.environment);
  const std::vector<char*> arguments = pointers(command);
  const std::vector<char*> entries = pointers(environment);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {.error = errno};
  const core::Descriptor trouble_read(ends[0]);
  core::Descriptor trouble_write(ends[1]);
  const pid_t supervisor = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return {.error = errno};
  if (pid == 0) {
    arrange_descriptors(messages, output, trouble_write.get());
    become(order, arguments.data(), entries.data(), supervisor);
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

}  // namespace hierevo::comm::detail
