#include "evaluator_process.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/standard_error.hpp"

namespace hierevo::search {

namespace {

constexpr std::size_t longest_passed_line = std::size_t{1} << 14;  ///< longer ones in parts

/// What is read at once, so that one that never ends cannot keep its rank from all else. More than
/// the system holds back of a program that has ended.
constexpr std::size_t most_output_at_once = std::size_t{1} << 20;
constexpr int most_messages_at_once = 1000;

}  // namespace

void watch_input(int epoll, int descriptor, std::uint64_t tag) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    throw core::IoError("epoll", "extend", errno);
  }
}

EvaluatorProcess::EvaluatorProcess(process::Supervisor& supervisor,
                                   const process::LaunchSpec& order, const Watch& watch)
    : process_(supervisor.start(order)) {
  try {
    watch_input(watch.epoll, process_.messages.get(), watch.messages);
    watch_input(watch.epoll, process_.output.get(), watch.output);
  } catch (const core::IoError&) {
    supervisor.kill(process_.id);
    throw;
  }
}

bool EvaluatorProcess::send(const AnyMessage& message) {
  const std::vector<std::byte> bytes = encode(message);
  while (process_.messages &&
         ::send(process_.messages.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    if (errno == EPIPE || errno == ECONNRESET) return true;
    if (errno != EINTR) return false;
  }
  return true;
}

std::vector<AnyMessage> EvaluatorProcess::receive() {
  std::vector<AnyMessage> messages;
  for (int i = 0; i < most_messages_at_once; ++i) {
    auto packet = receive_one();
    if (!packet) break;
    if (*packet) {
      messages.push_back(std::move(**packet));
    } else {
      core::log(core::LogLevel::warning,
                "Ignoring a message from an evaluator that is not of the protocol");
    }
  }
  return messages;
}

std::optional<std::optional<AnyMessage>> EvaluatorProcess::receive_one() {
  std::array<std::byte, comm::longest_message> bytes;
  while (process_.messages) {
    const ssize_t count = ::recv(process_.messages.get(), bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count <= 0) {
      process_.messages.reset();  // else it would be readable forever
      break;
    }
    return decode(std::span(bytes).first(static_cast<std::size_t>(count)));
  }
  return std::nullopt;
}

void EvaluatorProcess::read_output() {
  std::array<char, 4096> chunk;
  for (std::size_t taken = 0; process_.output && taken < most_output_at_once;) {
    const ssize_t count = ::read(process_.output.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count <= 0) {
      process_.output.reset();
      pass_on("\n");
      return;
    }
    const std::string_view text(chunk.data(), static_cast<std::size_t>(count));
    taken += text.size();
    pass_on(text);
    last_words_.add(text);
  }
}

void EvaluatorProcess::pass_on(std::string_view text) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('\n'));
    const bool ends = part.size() < text.size();
    text.remove_prefix(part.size() + (ends ? 1 : 0));
    unfinished_ += part;
    if (!ends && unfinished_.size() < longest_passed_line) return;
    if (!unfinished_.empty()) core::write_line(std::string_view(unfinished_));
    unfinished_.clear();
  }
}

std::string EvaluatorProcess::with_last_words(const std::string& text) {
  read_output();
  pass_on("\n");
  return last_words_.behind(text);
}

}  // namespace hierevo::search
