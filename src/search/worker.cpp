#include "worker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <exception>

#include "hierevo/core/log.hpp"
#include "hierevo/core/version.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

}  // namespace

void Worker::greet(std::uint64_t fingerprint, const std::string& error) {
  ranks_.send(0, encode(Hello{core::version(), host_name(), fingerprint, error}));
}

void Worker::work(const Work& work, const std::function<bool()>& keep_on) {
  const auto start = std::chrono::steady_clock::now();
  bool late = false;
  std::optional<evolution::Evaluation> evaluation;
  try {
    evaluation = evaluator_->evaluate(work.candidate, [&](const EvaluationProgress&) {
      late = timeout_ && std::chrono::steady_clock::now() - start > *timeout_;
      return !late && keep_on();
    });
    if (!evaluation && late) evaluation = timed_out();
  } catch (const std::exception& error) {
    evaluation.emplace();
    evaluation->status = evolution::Status::failed;
    evaluation->reason = error.what();
  }
  if (!evaluation) return;
  evaluation->seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ranks_.send(0, encode(Result{work.candidate.id, std::move(*evaluation)}));
}

evolution::Evaluation Worker::timed_out() const {
  evolution::Evaluation evaluation;
  evaluation.status = evolution::Status::timed_out;
  evaluation.reason = fmt::format("longer than {} s", timeout_->count());
  return evaluation;
}

bool Worker::told_to_leave() {
  // While it evaluates, a worker is sent nothing but Leave.
  const auto message = left_ ? std::nullopt : ranks_.receive(0ns);
  if (message) {
    const auto decoded = decode(message->data);
    left_ = decoded && std::holds_alternative<Leave>(*decoded);
  }
  return left_;
}

void Worker::handle(const comm::Message& message, const StopCallback& stop_requested) {
  const auto decoded = decode(message.data);
  if (!decoded || message.source != 0) {
    core::log(core::LogLevel::warning, "A message from rank {} is not of the protocol; ignored",
              message.source);
  } else if (std::holds_alternative<Leave>(*decoded)) {
    left_ = true;
  } else if (const auto* order = std::get_if<Work>(&*decoded); order != nullptr && evaluator_) {
    work(*order, [&] { return !told_to_leave() && !(stop_requested && stop_requested()); });
  }
}

void Worker::run(const StopCallback& stop_requested) {
  while (!left_ && !(stop_requested && stop_requested())) {
    if (const auto message = ranks_.receive(100ms)) handle(*message, stop_requested);
  }
  ranks_.flush(2s);
}

}  // namespace hierevo::search
