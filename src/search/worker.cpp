#include "worker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <exception>

#include "hierevo/core/log.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/evolution/codec.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;

constexpr auto patience_when_leaving = 40s;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

}  // namespace

void Worker::greet(std::uint64_t fingerprint, const std::string& error) {
  ranks_.send(0, encode(Hello{core::version(), host_name(), fingerprint, error}));
}

void Worker::work(const Work& work, const std::function<bool()>& keep_on) {
  using evolution::Evaluation;
  using evolution::Status;
  const auto start = std::chrono::steady_clock::now();
  double earlier = 0.0;
  const auto seconds_so_far = [&] {
    return earlier +
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  bool late = false;
  bool told_to_end = false;
  std::optional<Evaluation> evaluation;
  try {
    evaluation = evaluator_->evaluate(work.candidate, [&](const EvaluationProgress& at) {
      earlier = at.earlier_seconds;
      late = timeout_ && seconds_so_far() > timeout_->count();
      told_to_end = told_to_end || !keep_on();
      return !late && !told_to_end;
    });
  } catch (const std::exception& error) {
    evaluation = Evaluation::failure(Status::failed, error.what());
  }
  if (told_to_end && !evaluation) return;
  if (late && !evaluation) {
    evaluation =
        Evaluation::failure(Status::timed_out, fmt::format("longer than {} s", timeout_->count()));
  }
  if (!evaluation) {
    evaluation = Evaluation::failure(Status::failed, "the evaluator ended without a result");
  }
  if (const std::string problem = problem_with(*evaluation); !problem.empty()) {
    evaluation = Evaluation::failure(Status::failed, "the evaluator gave " + problem);
  }
  evaluation->seconds = seconds_so_far();
  ranks_.send(0, encode(Result{work.candidate.id, std::move(*evaluation)}));
}

bool Worker::told_to_leave(std::chrono::nanoseconds timeout) {
  // While it evaluates, and when it has asked to leave, a worker is sent nothing but Leave.
  const auto message = left_ ? std::nullopt : ranks_.receive(timeout);
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
    work(*order, [&] { return !told_to_leave(0ns) && !(stop_requested && stop_requested()); });
  }
}

void Worker::run(const StopCallback& stop_requested) {
  while (!left_ && !(stop_requested && stop_requested())) {
    if (const auto message = ranks_.receive(100ms)) handle(*message, stop_requested);
  }
  if (!left_) ask_to_leave();
  ranks_.flush(2s);
}

void Worker::ask_to_leave() {
  ranks_.send(0, encode(Leave{}));
  // Rank 0 answers at once, unless it is saving on a slow disk or no more.
  const auto end = std::chrono::steady_clock::now() + patience_when_leaving;
  while (!told_to_leave(100ms) && std::chrono::steady_clock::now() < end) {
  }
}

}  // namespace hierevo::search
