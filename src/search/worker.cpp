#include "worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "heartbeat.hpp"
#include "hierevo/core/host_name.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/version.hpp"

namespace hierevo::search {

namespace {

using evolution::Evaluation;
using evolution::number;
using evolution::Status;

/// Of --grace: what has not saved by then is killed, so that the rest is left for rank 0 to save
/// in.
constexpr double share_to_save = 0.7;
/// Of --grace: what has not ended by then, though it was killed, is not waited for.
constexpr double share_to_end = 0.8;

/// What is taken at once, so that evaluators that report without end cannot keep it from all else.
constexpr int most_events_at_once = 10'000;

}  // namespace

Worker::Worker(comm::Communicator& ranks, const SearchOptions& options, Evaluators* evaluators,
               std::string error)
    : ranks_(ranks), options_(options), evaluators_(evaluators) {
  if (evaluators_ == nullptr) greet({.data = std::nullopt, .error = std::move(error)});
}

void Worker::greet(const Evaluators::Ready& ready) {
  const std::size_t count = evaluators_ == nullptr ? 1 : evaluators_->count();
  const std::int64_t memory =
      ready.evaluator_memory > 0 ? ready.evaluator_memory : options_.evaluator_memory;
  ranks_.send(0, encode(Hello{core::version(), core::host_name(), options_.fingerprint,
                              static_cast<std::uint32_t>(count), ready.data, ready.error,
                              options_.place, memory}));
}

void Worker::handle(const AnyMessage& message, Clock::time_point now) {
  now_ = now;
  heard_ = now;
  if (const auto* work = std::get_if<Work>(&message)) begin(*work);
  if (const auto* over = std::get_if<Cancel>(&message)) cancel(over->id);
  if (std::holds_alternative<Drain>(message)) leave(SearchEnd::finished);
  if (std::holds_alternative<Shutdown>(message)) {
    done_ = true;
    leave(SearchEnd::finished);
  }
}

void Worker::begin(const Work& work) {
  if (leaving_ || evaluators_ == nullptr) return;  // the coordinator will learn that it left
  const auto id = work.candidate.id;
  if (in_flight_.contains(id) || in_flight_.size() >= evaluators_->count()) {
    core::log(core::LogLevel::warning, "Candidate {} is one too many; ignored", number(id));
    return;
  }
  in_flight_.emplace(id, Running{.work = work, .start = now_, .at = {}});
  evaluators_->begin(work);
}

void Worker::cancel(evolution::IndividualId id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;  // its result is on the way
  found->second.cancelled = true;
  if (evaluators_ != nullptr) evaluators_->kill(id);  // there is nothing to save
}

void Worker::tick(Clock::time_point now) {
  if (end_) return;
  now_ = now;
  forgive_standstill();
  for (int taken = 0; evaluators_ != nullptr && taken < most_events_at_once; ++taken) {
    const auto event = evaluators_->next();
    if (!event) break;
    take(*event);
  }
  stop_late_ones();
  report_progress();
  watch_coordinator();
  if (leaving_) go_on_leaving();
}

void Worker::take(const Evaluators::Event& event) {
  const auto* ready = std::get_if<Evaluators::Ready>(&event);
  if (ready != nullptr && !leaving_) greet(*ready);
  if (const auto* end = std::get_if<Evaluators::Ended>(&event)) ended(*end);
  if (const auto* progress = std::get_if<Evaluators::Progress>(&event)) {
    const auto one = in_flight_.find(progress->id);
    if (one != in_flight_.end()) one->second.at = progress->at;
  }
  if (const auto* reduced = std::get_if<Evaluators::CapacityReduced>(&event)) {
    ranks_.send(0, encode(CapacityReduced{static_cast<std::uint32_t>(reduced->left)}));
  }
  if (const auto* broken = std::get_if<Evaluators::Broken>(&event)) {
    core::log(core::LogLevel::error, "This rank can no longer evaluate: {}", broken->reason);
    in_flight_.clear();  // they are given to others
    evaluators_ = nullptr;
    broken_ = broken->reason;
    leave(SearchEnd::failures);
  }
}

double Worker::seconds_of(const Running& one) const {
  return one.at.earlier_seconds + std::chrono::duration<double>(now_ - one.start).count();
}

void Worker::ended(const Evaluators::Ended& end) {
  const auto found = in_flight_.find(end.id);
  if (found == in_flight_.end()) return;
  Running& one = found->second;
  if (one.cancelled) {
    ranks_.send(0, encode(Cancelled{end.id}));
    in_flight_.erase(found);
    return;
  }
  const bool less_memory_may_do = end.evaluation && may_do_with_less_memory(one, *end.evaluation);
  if (less_memory_may_do && !leaving_) return try_with_less_memory(one, *end.evaluation);
  // One that was saved, or had no time for it or for another try, is not over: the next start goes
  // on with it.
  const bool saved = leaving_ && !one.late && (!end.evaluation || less_memory_may_do);
  if (!saved) {
    const Result result{end.id, concluded(one, end.evaluation)};
    core::log(core::LogLevel::debug, "Candidate {}: {}, fitness {}, {:.3f} s", number(result.id),
              name(result.evaluation.status), result.evaluation.fitness, result.evaluation.seconds);
    ranks_.send(0, encode(result));
  }
  in_flight_.erase(found);
}

bool Worker::may_do_with_less_memory(const Running& one, const Evaluation& evaluation) {
  return evaluation.status == Status::out_of_memory && !one.late &&
         one.work.memory_parts < most_memory_parts;
}

void Worker::try_with_less_memory(Running& one, const Evaluation& evaluation) {
  one.work.memory_parts *= 2;
  core::log(core::LogLevel::warning,
            "Candidate {}: {}; tried again with micro-batches cut into {} parts",
            number(one.work.candidate.id), evaluation.reason, one.work.memory_parts);
  evaluators_->begin(one.work);
}

Evaluation Worker::concluded(const Running& one, std::optional<Evaluation> evaluation) const {
  if (!evaluation && one.late) {
    evaluation = Evaluation::failure(Status::timed_out,
                                     fmt::format("longer than {} s", options_.timeout->count()));
  }
  if (!evaluation) {
    evaluation = Evaluation::failure(Status::failed, "its evaluation ended without a result");
  }
  if (one.work.memory_parts > 1) {
    if (!evaluation->reason.empty()) evaluation->reason += "; ";
    evaluation->reason += fmt::format("micro-batches were cut into {} parts for lack of memory",
                                      one.work.memory_parts);
  }
  if (evaluation->seconds == 0.0) evaluation->seconds = seconds_of(one);
  return std::move(*evaluation);
}

void Worker::stop_late_ones() {
  if (!options_.timeout || evaluators_ == nullptr) return;
  for (auto& [id, one] : in_flight_) {
    if (one.late || seconds_of(one) <= options_.timeout->count()) continue;
    one.late = true;
    evaluators_->kill(id);
  }
}

void Worker::report_progress() {
  if (now_ < next_beat_ || leaving_ == SearchEnd::saved) return;
  next_beat_ = now_ + beat_interval(options_.heartbeat);
  ProgressReport report;
  for (const auto& [id, one] : in_flight_) report.parts.push_back({id, one.at});
  ranks_.send(0, encode(report));
}

/// As when a whole job is suspended: that is no silence of rank 0's, and no time of an evaluation.
void Worker::forgive_standstill() {
  const auto still = now_ - ticked_;
  ticked_ = now_;
  if (still <= longest_look) return;
  heard_ = std::min(heard_ + still, now_);
  for (auto& [id, one] : in_flight_) one.start = std::min(one.start + still, now_);
}

void Worker::watch_coordinator() {
  if (leaving_ == SearchEnd::saved) return;
  if (now_ - heard_ <= patience_with_coordinator(options_.heartbeat)) return;
  core::log(core::LogLevel::error, "Nothing was heard from rank 0 for {:.1f} s",
            std::chrono::duration<double>(now_ - heard_).count());
  coordinator_died();
}

void Worker::coordinator_died() {
  if (leaving_ == SearchEnd::saved) return;
  core::log(core::LogLevel::error,
            "Rank 0 is lost. This rank saves and exits; run the same command again to resume the "
            "search.");
  ranks_.give_up(0);
  leave(SearchEnd::saved);
  leaving_ = SearchEnd::saved;  // also where it was about to leave before
}

void Worker::ask_to_stop() {
  if (asked_to_stop_ || leaving_) return;
  asked_to_stop_ = true;
  ranks_.send(0, encode(Stop{}));
}

void Worker::leave(SearchEnd how) {
  if (leaving_) return;
  leaving_ = how;
  leaving_since_ = now_;
  if (evaluators_ == nullptr) return;
  for (const auto& [id, one] : in_flight_) evaluators_->save(id);
}

void Worker::kill_what_has_not_saved() {
  for (auto& [id, one] : in_flight_) {
    if (std::exchange(one.killed, true)) continue;
    core::log(core::LogLevel::warning, "Candidate {} could not be saved half-trained in time",
              number(id));
    evaluators_->kill(id);
  }
}

void Worker::go_on_leaving() {
  const auto waited = now_ - leaving_since_;
  if (evaluators_ != nullptr && waited > share_to_save * options_.grace) kill_what_has_not_saved();
  if (!in_flight_.empty()) {
    if (waited <= share_to_end * options_.grace) return;
    // One that hangs in the system, say in a read of a file server that is gone, cannot be killed.
    core::log(
        core::LogLevel::error,
        "Evaluators that do not end, though they were killed: {}; this rank ends without them",
        in_flight_.size());
    in_flight_.clear();  // as if saved
  }
  const bool coordinator_is_there = leaving_ != SearchEnd::saved && !done_;
  if (coordinator_is_there && !std::exchange(said_left_, true)) {
    ranks_.send(0, encode(Drained{broken_}));
  }
  // Whoever goes earlier may say Hello for another search, which this one's coordinator would take.
  // And MPI_Finalize would wait for all the others, whether they are there or not.
  if (!coordinator_is_there) end_ = leaving_;
}

}  // namespace hierevo::search
