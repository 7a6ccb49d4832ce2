#include "server_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <variant>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::search {

using evolution::Evaluation;
using evolution::IndividualId;
using evolution::Status;
using from_evaluator::Message;
using Clock = std::chrono::steady_clock;

namespace {

/// Imports and data may take long where many start at the same time. An evaluator process that is
/// not ready after ten minutes is killed.
constexpr auto hello_limit = std::chrono::minutes(9);
/// When people are told that it is waited for, and how often.
constexpr auto first_notice = std::chrono::seconds(20);
constexpr auto notice_interval = std::chrono::minutes(1);
/// From the request to exit to the kill.
constexpr auto exit_limit = std::chrono::seconds(4);
/// So long a program that has closed its input or output may take to exit.
constexpr auto closed_limit = std::chrono::seconds(1);
/// What bounds the time until a request to stop is seen.
constexpr auto stop_latency = std::chrono::milliseconds(50);

}  // namespace

ServerSession::ServerSession(std::unique_ptr<ChildProgram> program,
                             const std::function<bool()>& go_on)
    : program_(std::move(program)) {
  greet(go_on);
}

void ServerSession::greet(const std::function<bool()>& go_on) {
  const auto end = Clock::now() + hello_limit;
  auto next_notice = Clock::now() + first_notice;
  std::string problem;
  while (problem.empty()) {
    if (!go_on()) return drop_program();
    exchange(stop_latency);
    if (const auto message = next_message()) {
      if (const auto* hello = std::get_if<from_evaluator::Hello>(&*message)) {
        hello_ = *hello;
        begun_ = true;
        to_write_ += to_evaluator::hello();
        return;
      }
      if (breach_.empty()) breach_ = "its first message is not its hello";
    }
    if (const auto ended = look_for_end()) problem = ended->reason;
    if (Clock::now() >= next_notice) {
      next_notice += notice_interval;
      core::log(core::LogLevel::info, "Waiting for the program's hello");
    }
    if (Clock::now() >= end) problem = "it has not said hello in nine minutes";
  }
  drop_program();
  throw core::UsageError("The evaluator program did not start", log_.with_last_words(problem),
                         "It must speak the evaluator protocol (docs/evaluators.md); in Python, it "
                         "calls hierevo.serve(function).");
}

ServerSession::~ServerSession() {
  if (!program_) return;
  log_.begin(std::nullopt);
  to_write_ += to_evaluator::shutdown();
  const auto end = Clock::now() + exit_limit;
  while (Clock::now() < end && !program_->ended()) {
    exchange(stop_latency);
    if (to_write_.empty()) program_->close_input();
    while (next_line()) continue;  // nobody wants it
    if (!breach_.empty()) break;
    if (program_->prints_no_more()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  log_.take(standard_error_, /*all=*/true);
}

void ServerSession::drop_program() {
  if (!program_) return;
  program_->read_rest(standard_output_, standard_error_);
  log_.take(standard_error_, /*all=*/true);
  program_.reset();
}

void ServerSession::exchange(std::chrono::milliseconds timeout) {
  standard_output_.erase(0, next_line_);
  looked_at_ -= std::min(looked_at_, next_line_);
  next_line_ = 0;
  program_->exchange(to_write_, standard_output_, standard_error_, timeout);
  log_.take(standard_error_);
  const bool closed = program_->output_closed() || program_->input_closed();
  if (closed && !closed_) closed_ = Clock::now();
}

std::optional<std::string_view> ServerSession::next_line() {
  const std::size_t end = standard_output_.find('\n', std::max(looked_at_, next_line_));
  if (std::min(end, standard_output_.size()) - next_line_ > longest_evaluator_line) {
    breach(fmt::format("a line of more than {} bytes", longest_evaluator_line));
    next_line_ = standard_output_.size();
    return std::nullopt;
  }
  if (end == std::string::npos) {
    looked_at_ = standard_output_.size();
    return std::nullopt;
  }
  const std::string_view line =
      std::string_view(standard_output_).substr(next_line_, end - next_line_);
  next_line_ = end + 1;
  return line;
}

std::optional<Message> ServerSession::next_message() {
  while (const auto line = next_line()) {
    if (!line->starts_with('{')) {
      log_.line(*line);
      // The end of this would else be waited for in vain.
      if (line->find("{\"type\"") != line->npos) breach("a message behind other output in a line");
      continue;
    }
    Message message = from_evaluator::read(*line);
    if (auto* wrong = std::get_if<from_evaluator::Breach>(&message)) {
      breach(std::move(wrong->problem));
    }
    return message;
  }
  return std::nullopt;
}

void ServerSession::breach(std::string problem) {
  if (breach_.empty()) breach_ = std::move(problem);
}

std::optional<Evaluation> ServerSession::look_for_end() {
  if (closed_ && Clock::now() - *closed_ > closed_limit) {
    breach(program_->output_closed() ? "it has closed its output" : "it has closed its input");
  }
  if (!breach_.empty()) {
    return Evaluation::failure(Status::crashed, "the program broke the protocol: " + breach_);
  }
  auto ended = program_->ended();
  if (!ended) return std::nullopt;
  // Of a program that stays, no end is an answer.
  if (ended->status == Status::evaluated) ended->reason = "the program ended with exit code 0";
  if (ended->status != Status::out_of_memory) ended->status = Status::crashed;
  program_->read_rest(standard_output_, standard_error_);
  return ended;
}

bool ServerSession::usable() {
  if (!program_) return false;
  log_.begin(std::nullopt);
  exchange(std::chrono::milliseconds(0));
  EvaluationProgress ignored;
  while (breach_.empty()) {
    const auto message = next_message();
    if (!message) break;
    take(IndividualId{0}, *message, ignored);
  }
  const auto ended = look_for_end();
  if (!ended) return true;
  core::log(core::LogLevel::warning, "Between two candidates, {}: it is started again",
            log_.with_last_words(ended->reason));
  drop_program();
  return false;
}

void ServerSession::take_of_another(IndividualId id, const char* what) {
  if (!earlier_.contains(id)) {
    return breach(fmt::format("{} of candidate {}, which it was not given", what, number(id)));
  }
  if (std::exchange(warned_of_late_, true)) return;
  core::log(core::LogLevel::warning,
            "Ignoring a late {} of candidate {}, which has ended (and others, if there are more)",
            what, number(id));
}

std::optional<ServerSession::Ended> ServerSession::take(IndividualId id, const Message& message,
                                                        EvaluationProgress& at) {
  if (const auto* progress = std::get_if<from_evaluator::Progress>(&message)) {
    if (progress->id == id) {
      at = progress->at;
    } else {
      take_of_another(progress->id, "progress");
    }
  } else if (const auto* outcome = std::get_if<from_evaluator::Outcome>(&message)) {
    // A second answer to an earlier attempt may come while the candidate is evaluated again.
    const bool of_this =
        outcome->id == id && outcome->memory_parts.value_or(memory_parts_) == memory_parts_;
    if (of_this) return Ended(outcome->evaluation);
    take_of_another(outcome->id, "result");
  } else if (const auto* stopped = std::get_if<from_evaluator::Stopped>(&message)) {
    if (stopped->id == id && !stop_asked_) {
      breach("it stopped without having been asked to");
    } else if (stopped->id == id) {
      return Ended(std::nullopt);
    } else {
      take_of_another(stopped->id, "answer to stop");
    }
  } else if (std::holds_alternative<from_evaluator::Hello>(message)) {
    breach("a second hello");
  }
  return std::nullopt;
}

std::optional<Evaluation> ServerSession::evaluate(const Work& work,
                                                  const std::filesystem::path& folder,
                                                  const ProgressCallback& progress) {
  const IndividualId id = work.candidate.id;
  log_.begin(id);
  program_->forget_memory_kills();
  to_write_ += to_evaluator::candidate(work, folder, hello_);
  EvaluationProgress at;
  stop_asked_ = false;
  memory_parts_ = work.memory_parts;
  while (true) {
    exchange(stop_latency);
    const auto end = look_for_end();  // what it had printed before still counts
    while (breach_.empty()) {
      const auto message = next_message();
      if (!message) break;
      if (const auto outcome = take(id, *message, at)) {
        earlier_.insert(id);
        return *outcome;
      }
    }
    if (end) {
      candidate_unread_ = breach_.empty() && program_->left_input_unread();
      drop_program();
      return Evaluation::failure(end->status, log_.with_last_words(end->reason));
    }
    if (!progress(at) && !std::exchange(stop_asked_, true)) to_write_ += to_evaluator::stop(id);
  }
}

}  // namespace hierevo::search
