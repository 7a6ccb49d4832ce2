// The side of the process that has programs started.
#include "hierevo/process/supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/signals_blocked.hpp"
#include "packets.hpp"
#include "supervisor_process.hpp"
#include "supervisor_protocol.hpp"

namespace hierevo::process {

namespace {

/// How long the end of the supervisor is waited for; what does not end cannot be killed.
constexpr int patience_ms = 5000;

using Ends = std::pair<core::Descriptor, core::Descriptor>;

Ends make_sockets() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw core::IoError("socket pair", "make", errno);
  }
  return {core::Descriptor(ends[0]), core::Descriptor(ends[1])};
}

Ends make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw core::IoError("pipe", "make", errno);
  return {core::Descriptor(ends[0]), core::Descriptor(ends[1])};
}

void make_nonblocking(const core::Descriptor& descriptor) {
  ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

#if defined(__SANITIZE_THREAD__)
constexpr int threads_of_the_sanitizer = 1;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr int threads_of_the_sanitizer = 1;
#else
constexpr int threads_of_the_sanitizer = 0;
#endif
#else
constexpr int threads_of_the_sanitizer = 0;
#endif

void require_one_thread() {
  std::error_code error;
  const std::filesystem::directory_iterator threads("/proc/self/task", error);
  if (error || std::distance(begin(threads), end(threads)) <= 1 + threads_of_the_sanitizer) return;
  throw core::InternalError("A Supervisor must be made before any thread");
}

}  // namespace

std::string description(const ProcessEnd& end) {
  switch (end.cause) {
    case ProcessEnd::Cause::exited:
      return fmt::format("exited with code {}", end.code);
    case ProcessEnd::Cause::signalled:
      return fmt::format("ended by signal {} ({})", end.code, strsignal(end.code));
    case ProcessEnd::Cause::killed_on_request:
      return "killed";
    case ProcessEnd::Cause::out_of_memory:
      return "ran out of memory";
    case ProcessEnd::Cause::not_started:
      return fmt::format("could not be started: {}", std::strerror(end.code));
  }
  return "ended";
}

Supervisor::Supervisor() {
  require_one_thread();
  auto [ours, its] = make_sockets();
  make_nonblocking(ours);
  const pid_t parent = ::getpid();
  const core::SignalsBlocked until_it_ignores_them;
  pid_ = ::fork();
  if (pid_ < 0) throw core::IoError("supervisor process", "start", errno);
  if (pid_ == 0) {
    ours.reset();
    detail::run_supervisor(std::move(its), parent);
  }
  socket_ = std::move(ours);
}

Supervisor::~Supervisor() {
  // It takes the end of what we say for our end.
  ::shutdown(socket_.get(), SHUT_WR);
  while (next_end()) {
  }
  pollfd its_end{socket_.get(), POLLIN, 0};
  while (!gone_ && ::poll(&its_end, 1, patience_ms) != 0) {
    while (next_end()) {
    }
  }
  socket_.reset();
  ::waitpid(pid_, nullptr, gone_ ? 0 : WNOHANG);
}

Supervisor::Process Supervisor::start(const LaunchSpec& spec) {
  auto [our_messages, its_messages] = make_sockets();
  auto [our_output, its_output] = make_pipe();
  make_nonblocking(our_messages);
  make_nonblocking(our_output);
  const ProcessId id{++started_};
  const auto request = encode(detail::StartRequest{id, spec});
  if (request.size() > detail::longest_request) {
    throw core::UsageError("A command line is too long",
                           fmt::format("with its environment it has {} bytes", request.size()),
                           "Use shorter paths.");
  }
  const std::array<int, 2> attached = {its_messages.get(), its_output.get()};
  detail::send_packet(socket_.get(), request, attached);
  return {id, std::move(our_messages), std::move(our_output)};
}

void Supervisor::kill(ProcessId id) {
  detail::send_packet(socket_.get(), encode(detail::KillRequest{id}), {});
}

std::optional<ProcessEnd> Supervisor::next_end() {
  if (gone_) return std::nullopt;
  const auto packet = detail::receive_packet(socket_.get(), detail::longest_end);
  if (packet.closed) gone_ = true;
  if (packet.bytes.empty()) return std::nullopt;
  return detail::decode_end(packet.bytes);
}

}  // namespace hierevo::process
