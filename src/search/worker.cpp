#include "worker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <variant>

#include "heartbeat.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/evolution/codec.hpp"

namespace hierevo::search {

namespace {

using evolution::Evaluation;
using evolution::number;
using evolution::Status;

/// Of --grace: what has not saved by then is killed, so that the rest is left for rank 0 to save
/// in.
constexpr double share_to_save = 0.7;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

}  // namespace

Worker::Worker(comm::Communicator& ranks, const SearchOptions& options, Evaluators* evaluators,
               std::string error)
    : ranks_(ranks), options_(options), evaluators_(evaluators) {
  if (evaluators_ == nullptr) greet({std::nullopt, std::move(error)});
}

void Worker::greet(const Evaluators::Ready& ready) {
  const std::size_t count = evaluators_ == nullptr ? 1 : evaluators_->count();
  ranks_.send(0, encode(Hello{core::version(), host_name(), options_.fingerprint,
                              static_cast<std::uint32_t>(count), ready.data, ready.error}));
}

void Worker::handle(const AnyMessage& message) {
  heard_ = Clock::now();
  if (const auto* work = std::get_if<Work>(&message)) begin(*work);
  if (std::holds_alternative<Leave>(message)) leave(SearchEnd::finished);
  if (std::holds_alternative<Done>(message)) {
    done_ = true;
    leave(SearchEnd::finished);
  }
}

void Worker::begin(const Work& work) {
  if (leaving_ || evaluators_ == nullptr) return;  // the coordinator will learn that it left
  const auto id = work.candidate.id;
  if (under_way_.contains(id) || under_way_.size() >= evaluators_->count()) {
    core::log(core::LogLevel::warning, "Candidate {} is one too many; ignored", number(id));
    return;
  }
  under_way_.emplace(id, UnderWay{.work = work, .start = Clock::now(), .at = {}});
  evaluators_->begin(work);
}

void Worker::tick() {
  if (end_) return;
  while (evaluators_ != nullptr) {
    const auto event = evaluators_->next();
    if (!event) break;
    take(*event);
  }
  const auto now = Clock::now();
  stop_late_ones(now);
  beat(now);
  watch_coordinator(now);
  if (leaving_) go_on_leaving(now);
}

void Worker::take(const Evaluators::Event& event) {
  if (const auto* ready = std::get_if<Evaluators::Ready>(&event)) greet(*ready);
  if (const auto* end = std::get_if<Evaluators::Ended>(&event)) ended(*end);
  if (const auto* progress = std::get_if<Evaluators::Progress>(&event)) {
    const auto one = under_way_.find(progress->id);
    if (one != under_way_.end()) one->second.at = progress->at;
  }
  if (const auto* broken = std::get_if<Evaluators::Broken>(&event)) {
    core::log(core::LogLevel::error, "This rank can evaluate no more: {}", broken->reason);
    under_way_.clear();  // they are given to others
    evaluators_ = nullptr;
    broken_ = broken->reason;
    leave(SearchEnd::failures);
  }
}

double Worker::seconds_of(const UnderWay& one, Clock::time_point now) {
  return one.at.earlier_seconds + std::chrono::duration<double>(now - one.start).count();
}

void Worker::ended(const Evaluators::Ended& end) {
  const auto found = under_way_.find(end.id);
  if (found == under_way_.end()) return;
  UnderWay& one = found->second;
  if (end.evaluation && tried_with_less_memory(one, *end.evaluation)) return;
  // One that was saved, or had no time for it, is not over: the next start goes on with it.
  const bool saved = !end.evaluation && !one.late && leaving_;
  if (!saved) ranks_.send(0, encode(Result{end.id, concluded(one, end.evaluation)}));
  under_way_.erase(found);
}

bool Worker::tried_with_less_memory(UnderWay& one, const Evaluation& evaluation) {
  if (evaluation.status != Status::out_of_memory || leaving_) return false;
  if (one.work.memory_parts >= most_memory_parts) return false;
  one.work.memory_parts *= 2;
  core::log(core::LogLevel::warning,
            "Candidate {}: {}; tried again with micro-batches cut into {} parts",
            number(one.work.candidate.id), evaluation.reason, one.work.memory_parts);
  evaluators_->begin(one.work);
  return true;
}

Evaluation Worker::concluded(const UnderWay& one, std::optional<Evaluation> evaluation) const {
  if (!evaluation && one.late) {
    evaluation = Evaluation::failure(Status::timed_out,
                                     fmt::format("longer than {} s", options_.timeout->count()));
  }
  if (!evaluation) {
    evaluation = Evaluation::failure(Status::failed, "its evaluation ended without a result");
  }
  if (const std::string problem = problem_with(*evaluation); !problem.empty()) {
    evaluation = Evaluation::failure(Status::failed, "the evaluator gave " + problem);
  }
  if (one.work.memory_parts > 1) {
    if (!evaluation->reason.empty()) evaluation->reason += "; ";
    evaluation->reason += fmt::format("for want of memory micro-batches were cut into {} parts",
                                      one.work.memory_parts);
  }
  evaluation->seconds = seconds_of(one, Clock::now());
  return std::move(*evaluation);
}

void Worker::stop_late_ones(Clock::time_point now) {
  if (!options_.timeout || evaluators_ == nullptr) return;
  for (auto& [id, one] : under_way_) {
    if (one.late || seconds_of(one, now) <= options_.timeout->count()) continue;
    one.late = true;
    evaluators_->kill(id);
  }
}

void Worker::beat(Clock::time_point now) {
  if (now < next_beat_) return;
  next_beat_ = now + beat_interval(options_.heartbeat);
  Beat beat;
  for (const auto& [id, one] : under_way_) beat.parts.push_back({id, one.at});
  ranks_.send(0, encode(beat));
}

void Worker::watch_coordinator(Clock::time_point now) {
  if (leaving_ || now - heard_ <= patience_with_coordinator(options_.heartbeat)) return;
  core::log(core::LogLevel::error,
            "Nothing was heard from rank 0 for {:.0f} s. This rank saves and ends; run the same "
            "line again to go on.",
            std::chrono::duration<double>(now - heard_).count());
  leave(SearchEnd::saved);
}

void Worker::ask_to_stop() {
  if (asked_to_stop_ || leaving_) return;
  asked_to_stop_ = true;
  ranks_.send(0, encode(Stop{}));
}

void Worker::leave(SearchEnd how) {
  if (leaving_) return;
  leaving_ = how;
  leaving_since_ = Clock::now();
  if (evaluators_ == nullptr) return;
  for (const auto& [id, one] : under_way_) evaluators_->save(id);
}

void Worker::go_on_leaving(Clock::time_point now) {
  if (evaluators_ != nullptr && now - leaving_since_ > share_to_save * options_.grace) {
    for (auto& [id, one] : under_way_) {
      if (std::exchange(one.killed, true)) continue;
      core::log(core::LogLevel::warning, "Candidate {} could not be saved half-trained in time",
                number(id));
      evaluators_->kill(id);
    }
  }
  if (!under_way_.empty()) return;
  // What is sent to a lost rank never leaves.
  const bool coordinator_is_there = leaving_ != SearchEnd::saved;
  if (coordinator_is_there && !done_ && !std::exchange(said_left_, true)) {
    ranks_.send(0, encode(Left{broken_}));
  }
  // Whoever goes earlier may say Hello for another search, which this one's coordinator would take.
  const bool waits = leaving_ == SearchEnd::finished && !done_;
  if (!waits || now - leaving_since_ > options_.grace) end_ = leaving_;
}

}  // namespace hierevo::search
