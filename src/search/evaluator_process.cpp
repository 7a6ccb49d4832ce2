#include "evaluator_process.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <vector>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::search {

namespace {

/// What is kept of its output, from the end, and what of that is told.
constexpr std::size_t kept_output = 4096;
constexpr std::size_t told_output = 1000;

void watch(int changes, int descriptor) {
  epoll_event wanted{.events = EPOLLIN, .data = {}};
  ::epoll_ctl(changes, EPOLL_CTL_ADD, descriptor, &wanted);
}

}  // namespace

EvaluatorProcess::EvaluatorProcess(comm::ProcessSupervisor& supervisor,
                                   const comm::ProcessOrder& order, int changes)
    : process_(supervisor.start(order)) {
  watch(changes, process_.messages.get());
  watch(changes, process_.output.get());
}

void EvaluatorProcess::send(const AnyMessage& message) {
  const std::vector<std::byte> bytes = encode(message);
  while (process_.messages &&
         ::send(process_.messages.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return;
  }
}

std::optional<AnyMessage> EvaluatorProcess::receive() {
  std::array<std::byte, comm::longest_message> bytes;
  while (process_.messages) {
    const ssize_t count = ::recv(process_.messages.get(), bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count <= 0) {
      process_.messages.reset();  // else it would be readable for ever
      break;
    }
    auto message = decode(std::span(bytes).first(static_cast<std::size_t>(count)));
    if (message) return message;
    core::log(core::LogLevel::warning, "A message of an evaluator is not of the protocol; ignored");
  }
  return std::nullopt;
}

void EvaluatorProcess::read_output() {
  std::array<char, 4096> chunk;
  while (process_.output) {
    const ssize_t count = ::read(process_.output.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count <= 0) {
      process_.output.reset();
      return;
    }
    const std::string_view text(chunk.data(), static_cast<std::size_t>(count));
    std::fwrite(text.data(), 1, text.size(), stderr);
    printed_ += text;
    if (printed_.size() > 2 * kept_output) printed_.erase(0, printed_.size() - kept_output);
  }
}

std::string EvaluatorProcess::with_last_words(const std::string& text) {
  read_output();
  std::string_view words = printed_;
  const std::size_t end = words.find_last_not_of(" \r\n\t");
  if (end == std::string_view::npos) return text;
  words = words.substr(0, end + 1);
  if (words.size() > told_output) {
    words.remove_prefix(words.size() - told_output);
    words.remove_prefix(std::min(words.size(), words.find('\n') + 1));  // 0 where there is none
  }
  return fmt::format("{}; its last lines: {}", text, words);
}

}  // namespace hierevo::search
