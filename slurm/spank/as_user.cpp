#include "as_user.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::spank {

namespace {

void become(const User& user) {
  if (::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
        ::setresuid(user.uid, user.uid, user.uid) != 0)
      throw core::InternalError(
          fmt::format("Cannot become user {}: {}", user.uid, std::strerror(errno)));
  }
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  ::getresuid(&real, &effective, &saved);
  const bool is_user = real == user.uid && effective == user.uid && saved == user.uid;
  const bool for_good = user.uid == 0 || (::setuid(0) != 0 && ::seteuid(0) != 0);
  if (!is_user || !for_good)
    throw core::InternalError(fmt::format("Has not become user {} for good", user.uid));
}

/// In the child: what went wrong, or nothing.
std::string text_of_failure(const User& user, const std::function<void()>& work) noexcept {
  try {
    become(user);
    work();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "An unknown exception.";
  }
}

using Clock = std::chrono::steady_clock;

/// Up to the end of file; nothing when that does not come in time.
std::optional<std::string> read_all(int pipe, Clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wanted = {.fd = pipe, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return std::nullopt;
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

/// How the child ended; nothing when it does not in time. It has nothing left to do but to end.
std::optional<int> end_of_child(pid_t child, Clock::time_point deadline) {
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) throw core::InternalError("The process for the user is lost.");
    if (Clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

void run_as(const User& user, const std::function<void()>& work, std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw core::InternalError(fmt::format("No pipe: {}", std::strerror(errno)));
  const core::Descriptor from_child(ends[0]);
  core::Descriptor to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw core::InternalError(fmt::format("No process: {}", std::strerror(errno)));
  if (child == 0) {
    const std::string text = text_of_failure(user, work);
    const ssize_t written = ::write(to_parent.get(), text.data(), text.size());
    ::_exit(text.empty() && written == 0 ? 0 : 1);
  }
  to_parent.reset();
  const std::optional<std::string> text = read_all(from_child.get(), deadline);
  const std::optional<int> status = text ? end_of_child(child, deadline) : std::nullopt;
  if (!status) {
    ::kill(child, SIGKILL);
    end_of_child(child, Clock::now() + std::chrono::seconds(1));  // one that waits for a disk stays
    throw core::InternalError(fmt::format("It took more than {} s, and was given up.",
                                          std::chrono::duration<double>(limit).count()));
  }
  if (!text->empty()) throw core::InternalError(*text);
  if (*status != 0) throw core::InternalError(fmt::format("Killed (wait status {}).", *status));
}

}  // namespace hierevo::spank
