#include "as_user.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::spank {

namespace {

using Clock = std::chrono::steady_clock;

/// In the child. Only what `work` throws goes into the pipe.
int exit_code_of(const std::function<bool()>& work, int pipe) noexcept {
  std::string text = "An unknown exception.";
  try {
    return work() ? 0 : 1;
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
  }
  return ::write(pipe, text.data(), text.size()) < 0 ? 3 : 2;
}

/// Reads what comes within a moment: short enough to notice soon that the child was stopped, which
/// the pipe does not show. Returns whether there may be more.
bool read_some(const core::Descriptor& pipe, std::string& text) {
  constexpr int moment = 50;  // milliseconds
  pollfd wanted = {.fd = pipe.get(), .events = POLLIN, .revents = 0};
  if (::poll(&wanted, 1, moment) <= 0) return true;
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
  if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

/// Whether the child has exited or been stopped, and how.
bool has_changed(pid_t child, int& status) {
  const pid_t changed = ::waitpid(child, &status, WNOHANG | WUNTRACED);
  if (changed < 0 && errno != EINTR) throw core::InternalError("The child process is lost.");
  return changed == child;
}

void pause_briefly() {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

[[noreturn]] void give_up(std::string_view what, pid_t child, std::string_view why) {
  ::kill(child, SIGKILL);
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(1);
  int status = 0;
  // A process that waits for a disk cannot be killed.
  while (Clock::now() < deadline && (!has_changed(child, status) || WIFSTOPPED(status)))
    pause_briefly();
  throw core::InternalError(core::error_text(fmt::format("{} was given up", what), why));
}

}  // namespace

void become(const User& user) {
  if (::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
        ::setresuid(user.uid, user.uid, user.uid) != 0)
      throw core::InternalError(
          fmt::format("Cannot become user {}: {}", user.uid, std::strerror(errno)));
  }
  // Whatever fs.suid_dumpable says, the user's other processes must not inspect or control it.
  ::prctl(PR_SET_DUMPABLE, 0);
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  ::getresuid(&real, &effective, &saved);
  const bool is_user = real == user.uid && effective == user.uid && saved == user.uid;
  const bool for_good = user.uid == 0 || (::setuid(0) != 0 && ::seteuid(0) != 0);
  if (!is_user || !for_good)
    throw core::InternalError(fmt::format("Cannot become user {} for good", user.uid));
}

bool in_child(std::string_view what, const std::function<bool()>& work,
              std::chrono::milliseconds limit, std::optional<std::chrono::milliseconds> whole) {
  const Clock::time_point deadline = Clock::now() + limit;
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw core::InternalError(fmt::format("Cannot create a pipe: {}", std::strerror(errno)));
  const core::Descriptor from_child(ends[0]);
  core::Descriptor to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw core::InternalError(fmt::format("Cannot fork: {}", std::strerror(errno)));
  if (child == 0) ::_exit(exit_code_of(work, to_parent.get()));
  to_parent.reset();
  std::string text;
  int status = 0;
  bool is_open = true;
  while (!has_changed(child, status)) {
    if (Clock::now() >= deadline)
      give_up(what, child,
              fmt::format("it took more than {} s",
                          std::chrono::duration<double>(whole.value_or(limit)).count()));
    if (is_open) {
      is_open = read_some(from_child, text);
    } else {
      pause_briefly();
    }
  }
  if (WIFSTOPPED(status))
    give_up(what, child, fmt::format("its process was stopped by signal {}", WSTOPSIG(status)));
  while (is_open) is_open = read_some(from_child, text);
  if (!text.empty()) throw core::InternalError(text);
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return WEXITSTATUS(status) == 0;
  throw core::InternalError(
      core::error_text(fmt::format("{} has failed", what),
                       fmt::format("its process was killed, wait status {}", status)));
}

}  // namespace hierevo::spank
