#include "supervisor_process.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <exception>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/memory.hpp"
#include "kernel_kills.hpp"
#include "launch.hpp"
#include "packets.hpp"
#include "supervisor_protocol.hpp"

namespace hierevo::process::detail {

namespace {

/// Sent by the kernel when the guard dies. One that nobody else sends.
const int guard_died = SIGRTMIN + 5;

/// So often it looks whether the kernel has killed something else.
constexpr int look_ms = 1000;

/// Programs inherit it: a job's signals are for the client, which decides.
void ignore_signals() {
  for (const int signal : job_signals) ::signal(signal, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Kills the children of this process, but for those that `is_spared`.
void kill_children(const std::function<bool(pid_t)>& is_spared) {
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  for (pid_t child = 0; children >> child;) {
    if (!is_spared(child)) ::kill(child, SIGKILL);
  }
}

/// Waits until all children have ended; `on_end` is called for each.
void wait_for_children(const std::function<void(pid_t)>& on_end) {
  while (true) {
    const pid_t ended = ::waitpid(-1, nullptr, 0);
    if (ended > 0) on_end(ended);
    if (ended < 0 && errno == ECHILD) return;
  }
}

class Supervisor {
 public:
  Supervisor(core::Descriptor socket, pid_t guard)
      : socket_(std::move(socket)), guard_(guard), signals_(prepare_signals()) {}

  void run();

 private:
  struct Program {
    ProcessId id{};
    bool kill_asked = false;
  };

  static core::Descriptor prepare_signals();
  bool guard_is_there() const { return ::getppid() == guard_; }
  void take_requests();
  void start(const StartRequest& request, std::vector<core::Descriptor> ends);
  void kill(ProcessId id);
  void reap();
  void report(const ProcessEnd& end) { unsent_.push_back(encode(end)); }
  void send_unsent();
  void look_at_kernel_kills() { kernel_kills_.saw(core::oom_kills(), KernelKills::Clock::now()); }
  ProcessEnd end_of(const Program& program, const siginfo_t& info);
  void kill_strays() const;
  void end_all();

  core::Descriptor socket_;
  pid_t guard_;
  core::Descriptor signals_;
  std::map<pid_t, Program> programs_;
  /// Ends that the client has no room for. It may be waiting for this process to read a request:
  /// that must not wait for the client.
  std::deque<std::vector<std::byte>> unsent_;
  KernelKills kernel_kills_{core::oom_kills()};
  bool done_ = false;
};

core::Descriptor Supervisor::prepare_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, guard_died);
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  ::prctl(PR_SET_PDEATHSIG, guard_died);
  return core::Descriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

void Supervisor::run() {
  std::array<pollfd, 2> wanted = {{{socket_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  while (!done_ && guard_is_there()) {
    send_unsent();
    wanted[0].events = static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT));
    const int woken = ::poll(wanted.data(), wanted.size(), programs_.empty() ? -1 : look_ms);
    look_at_kernel_kills();
    if (woken < 0) continue;
    signalfd_siginfo ignored{};
    while (::read(signals_.get(), &ignored, sizeof ignored) > 0) {
    }
    reap();
    if ((wanted[0].revents & ~POLLOUT) != 0) take_requests();
  }
  end_all();
}

void Supervisor::send_unsent() {
  while (!unsent_.empty() && try_send_packet(socket_.get(), unsent_.front(), {})) {
    unsent_.pop_front();
  }
}

void Supervisor::take_requests() {
  Packet packet = receive_packet(socket_.get(), longest_request);
  done_ = packet.closed;
  if (packet.bytes.empty()) return;
  const auto request = decode_request(packet.bytes);
  if (!request) throw core::InternalError("A request for a program cannot be read");
  if (const auto* start_request = std::get_if<StartRequest>(&*request)) {
    start(*start_request, std::move(packet.attached));
  } else {
    kill(std::get<KillRequest>(*request).id);
  }
}

void Supervisor::start(const StartRequest& request, std::vector<core::Descriptor> ends) {
  if (programs_.empty()) kernel_kills_ = KernelKills(core::oom_kills());
  ProgramStart started{.error = EBADF};
  if (ends.size() == 2) {
    started = start_program(program_for(request.spec, ends[0].get(), ends[1].get()));
  }
  if (started.error != 0) {
    report({request.id, ProcessEnd::Cause::not_started, started.error});
  } else {
    programs_[started.pid] = {request.id, false};
  }
}

void Supervisor::kill(ProcessId id) {
  for (auto& [pid, program] : programs_) {
    if (program.id != id) continue;
    program.kill_asked = true;
    ::kill(-pid, SIGKILL);  // not reaped yet: the number is still its own
    ::kill(pid, SIGKILL);
  }
}

/// Every child that has ended: programs, and what they left behind, which is adopted here.
void Supervisor::reap() {
  while (true) {
    siginfo_t info{};
    // First only looks, since until it is reaped its group's number is its own.
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    const auto program = programs_.find(info.si_pid);
    if (program != programs_.end()) ::kill(-info.si_pid, SIGKILL);
    ::waitpid(info.si_pid, nullptr, 0);
    if (program != programs_.end()) {
      const ProcessEnd end = end_of(program->second, info);
      programs_.erase(program);
      report(end);
    }
    kill_strays();
  }
}

ProcessEnd Supervisor::end_of(const Program& program, const siginfo_t& info) {
  using Cause = ProcessEnd::Cause;
  const int code = info.si_status;
  if (info.si_code == CLD_EXITED) {
    return {program.id, code == out_of_memory_exit_code ? Cause::out_of_memory : Cause::exited,
            code};
  }
  if (program.kill_asked) return {program.id, Cause::killed_on_request, code};
  if (code == SIGKILL) look_at_kernel_kills();
  const bool by_kernel = code == SIGKILL && kernel_kills_.explains_one();
  return {program.id, by_kernel ? Cause::out_of_memory : Cause::signalled, code};
}

/// Children that are no programs: their parents have ended.
void Supervisor::kill_strays() const {
  kill_children([this](pid_t child) { return programs_.contains(child); });
}

void Supervisor::end_all() {
  for (const auto& [pid, program] : programs_) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
  }
  // What they started comes to this process as they end.
  kill_strays();
  wait_for_children([this](pid_t ended) {
    programs_.erase(ended);
    kill_strays();
  });
}

[[noreturn]] void supervise(core::Descriptor socket, pid_t guard) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "hierevo-superv");
  try {
    Supervisor(std::move(socket), guard).run();
  } catch (const std::exception& error) {
    // Its guard ends what it leaves behind.
    core::log(core::LogLevel::error, "The process that starts programs ends: {}",
              core::failure_of(error).text);
  }
  ::_exit(0);
}

}  // namespace

void run_supervisor(core::Descriptor socket, pid_t client) {
  ignore_signals();
  ::setpgid(0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "hierevo-guard");
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // which the supervisor sees
  if (::getppid() != client) ::_exit(0);
  const pid_t guard = ::getpid();
  const pid_t supervisor = ::fork();
  if (supervisor == 0) supervise(std::move(socket), guard);
  // The socket stays open until nothing is left: only then is the supervisor gone for its client.
  wait_for_children([](pid_t) { kill_children([](pid_t) { return false; }); });
  ::_exit(0);
}

}  // namespace hierevo::process::detail
