#include "hierevo/search/evaluation_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>

#include "guarded_evaluation.hpp"
#include "hierevo/comm/communicator.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/process/supervisor.hpp"
#include "protocol.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;

/// Between two reports of progress: often enough to be watched, seldom enough to cost nothing.
constexpr auto report_interval = 100ms;

}  // namespace

EvaluationServer::EvaluationServer() {
  int type = 0;
  socklen_t size = sizeof type;
  const bool ours =
      ::getsockopt(process::messages_descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
      type == SOCK_SEQPACKET;
  if (!ours) {
    throw core::UsageError("This program is not to be called by hand",
                           "it takes its orders from hierevo search", "Use hierevo search.");
  }
  orders_ = core::Descriptor(process::messages_descriptor);
  ::fcntl(orders_.get(), F_SETFD, FD_CLOEXEC);  // not for the programs that an evaluator starts
}

std::optional<std::vector<std::byte>> EvaluationServer::receive(bool wait) {
  std::array<std::byte, comm::longest_message> bytes;
  while (!gone_) {
    const ssize_t count =
        ::recv(orders_.get(), bytes.data(), bytes.size(), wait ? 0 : MSG_DONTWAIT);
    if (count > 0) return std::vector<std::byte>(bytes.begin(), bytes.begin() + count);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    gone_ = true;
  }
  return std::nullopt;
}

void EvaluationServer::send(const std::vector<std::byte>& message, bool wait) {
  const int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
  while (::send(orders_.get(), message.data(), message.size(), flags) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    gone_ = true;
    return;
  }
}

std::optional<std::string> EvaluationServer::setup() {
  const auto bytes = receive(true);
  if (!bytes) return std::nullopt;
  const auto message = decode(*bytes);
  const auto* setup = message ? std::get_if<Setup>(&*message) : nullptr;
  if (setup == nullptr) throw core::InternalError("The rank's first message is no Setup");
  return setup->text;
}

void EvaluationServer::ready(const std::optional<DataFacts>& data, const std::string& error,
                             std::int64_t evaluator_memory) {
  send(encode(Hello{.program = {},
                    .host = {},
                    .data = data,
                    .error = error,
                    .place = {},
                    .evaluator_memory = evaluator_memory}));
}

void EvaluationServer::serve(Evaluator& evaluator) {
  while (const auto bytes = receive(true)) {
    const auto message = decode(*bytes);
    const auto* work = message ? std::get_if<Work>(&*message) : nullptr;
    // A Drain that comes when nothing is in flight is ignored.
    if (work != nullptr) evaluate(evaluator, *work);
  }
}

void EvaluationServer::evaluate(Evaluator& evaluator, const Work& work) {
  std::chrono::steady_clock::time_point next_report{};
  const ProgressCallback progress = [&](const EvaluationProgress& at) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_report) {
      next_report = now + report_interval;
      // A rank that is slow to read does not keep it from its work.
      send(encode(ProgressReport{{{work.candidate.id, at}}}), /*wait=*/false);
    }
    bool go_on = true;
    while (const auto bytes = receive(false)) {
      const auto message = decode(*bytes);
      if (message && std::holds_alternative<Drain>(*message)) go_on = false;
    }
    return go_on && !gone_;
  };
  const auto evaluation = guarded_evaluation(evaluator, work, progress);
  if (evaluation) {
    send(encode(Result{work.candidate.id, *evaluation}));
  } else {
    send(encode(Drained{}));
  }
}

}  // namespace hierevo::search
