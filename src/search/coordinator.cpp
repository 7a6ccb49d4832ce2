#include "coordinator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>
#include <variant>

#include "heartbeat.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/version.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;
using evolution::number;
using evolution::Status;

/// Between two writings of what is in flight.
constexpr auto show_interval = 5s;

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Coordinator::Coordinator(comm::Communicator& ranks, const SearchOptions& options,
                         const StatusCallback& on_status, const StopCallback& stop_requested)
    : ranks_(ranks),
      options_(options),
      on_status_(on_status),
      record_(options.run),
      admission_(options, ranks.size()),
      ledger_(options, record_),
      workers_(ranks.size() == 1 || options.master_evaluates ? 0 : 1, ranks.size(), now_),
      ending_(options, stop_requested, workers_, ledger_, record_, now_) {}

void Coordinator::handle(int rank, const AnyMessage& message, Clock::time_point now) {
  if (!workers_.contains(rank)) {
    core::log(core::LogLevel::warning, "Ignoring a message from rank {}, which is no worker", rank);
    return;
  }
  now_ = now;
  account();
  if (workers_.state(rank) == WorkerTable::State::dead) return;
  if (workers_.heard(rank, now)) is_back(rank);
  if (const auto* hello = std::get_if<Hello>(&message)) greeted(rank, *hello);
  if (const auto* result = std::get_if<Result>(&message)) finished_one(rank, *result);
  if (const auto* report = std::get_if<ProgressReport>(&message)) took(rank, *report);
  if (const auto* reduced = std::get_if<CapacityReduced>(&message))
    workers_.has_fewer(rank, reduced->evaluators);
  if (const auto* gone = std::get_if<Cancelled>(&message)) cancelled(rank, gone->id);
  if (const auto* gone = std::get_if<Drained>(&message)) left(rank, *gone);
  if (std::holds_alternative<Stop>(message)) ending_.ask_to_stop();
}

void Coordinator::greeted(int rank, const Hello& hello) {
  if (workers_.state(rank) != WorkerTable::State::expected) {
    core::log(core::LogLevel::warning, "Ignoring a second Hello from rank {}", rank);
    return;
  }
  // Who comes late to a search that has begun does not end it.
  const std::string refusal = admission_.admit(rank, hello, ledger_.begun());
  workers_.greeted(rank, hello.host, hello.evaluators, hello.place);
  if (!refusal.empty()) left(rank, {refusal});
}

void Coordinator::begin_when_all_are_there() {
  if (ledger_.begun() || ending_.begun() || workers_.any_expected()) return;
  admission_.admit_all();
  if (!options_.dry_run) begin_record();
  ledger_.begin(admission_.data(), admission_.evaluator_memory());
}

void Coordinator::begin_record() {
  began_ = std::time(nullptr);
  record_.begin(options_.configuration);
  const auto& data = admission_.data();
  if (!data || admission_.data_are_recorded()) return;
  record_.save_data(*data);
  if (ledger_.done_before() == 0) return;
  core::log(core::LogLevel::warning,
            "The run in '{}' has no record of its data; assuming that it began with {}",
            options_.run.string(), description(*data));
}

void Coordinator::took(int rank, const ProgressReport& report) {
  for (const auto& part : report.parts) {
    CandidateTable::Issued* one = ledger_.candidates().find(part.id);
    if (one == nullptr || !workers_.given(rank).contains(part.id)) continue;
    one->rank = rank;
    one->at = part.at;
  }
}

void Coordinator::finished_one(int rank, const Result& result) {
  if (!workers_.answered(rank, result.id)) {
    core::log(core::LogLevel::warning,
              "Ignoring a result of candidate {} from rank {}, which does not have it",
              number(result.id), rank);
    return;
  }
  const evolution::Evaluation evaluation = ledger_.judged(result.evaluation);
  judge(rank, evaluation);
  CandidateTable::Issued* one = ledger_.candidates().find(result.id);
  if (one == nullptr) return;  // another worker was faster
  // Who was silent and is back may have it as well.
  const std::set<int>& others = workers_.holders(result.id);
  if (ledger_.record_result(*one, evaluation, rank)) {
    for (const int other : others) ranks_.send(other, encode(Cancel{result.id}));
    return;
  }
  core::log(core::LogLevel::warning, "Candidate {} on rank {}: {}; retrying it once",
            number(result.id), rank, failure_text(evaluation));
  if (others.empty()) ledger_.candidates().retry(result.id, rank);
}

void Coordinator::judge(int rank, const evolution::Evaluation& evaluation) {
  const bool failed = evolution::is_failure(evaluation.status);
  if (!workers_.judge(rank, !failed || evaluation.status == Status::diverged)) return;
  core::log(core::LogLevel::error,
            "Rank {} on {} gets no more work: its evaluations fail where others succeed. The last: "
            "{}",
            rank, workers_.host(rank), failure_text(evaluation));
  workers_.note_reason(rank,
                       "its evaluations fail where others succeed: " + failure_text(evaluation));
}

void Coordinator::cancelled(int rank, Id id) {
  const bool had_it = workers_.answered(rank, id);
  if (!had_it || ledger_.candidates().find(id) == nullptr) return;
  core::log(core::LogLevel::warning, "Rank {} cancelled candidate {} without being asked to", rank,
            number(id));
  lost_at(rank, id);
}

void Coordinator::left(int rank, const Drained& message) {
  const bool as_told = message.error.empty() && ending_.begun();
  if (as_told) {
    workers_.left(rank);
  } else if (workers_.state(rank) != WorkerTable::State::broken) {
    const std::set<Id> given = workers_.broke(rank);
    lose(rank,
         message.error.empty()
             ? "left without being asked to"
             : fmt::format("on {} can no longer evaluate ({})", workers_.host(rank), message.error),
         given);
  }
}

void Coordinator::died(int rank) {
  using State = WorkerTable::State;
  if (!workers_.contains(rank)) return;
  account();
  const State state = workers_.state(rank);
  const bool had_work =
      state == State::expected || state == State::present || state == State::quarantined;
  const std::set<Id> given = workers_.died(rank);
  if (had_work) lose(rank, "died", given);
}

void Coordinator::judge_silence() {
  if (now_ - ticked_ > longest_look) {
    workers_.forgive(now_ - ticked_, now_);
    ending_.forgive(now_ - ticked_, now_);
  }
  ticked_ = now_;
  for (const int rank :
       workers_.fallen_silent(now_, std::chrono::duration_cast<Clock::duration>(options_.heartbeat),
                              patience_with_coordinator(options_.heartbeat))) {
    lose(rank, "is silent", workers_.given(rank));
  }
}

/// `given`: what it had not answered. The WorkerTable knows already that it is gone.
void Coordinator::lose(int rank, const std::string& how, const std::set<Id>& given) {
  core::log(core::LogLevel::error, "Rank {} {}; its {} candidates are reassigned", rank, how,
            given.size());
  workers_.note_reason(rank, how);
  ranks_.give_up(rank);
  for (const Id id : given) lost_at(rank, id);
}

void Coordinator::lost_at(int rank, Id id) {
  CandidateTable::Issued* one = ledger_.candidates().find(id);
  const bool is_lost = one != nullptr && workers_.holders(id).empty();
  if (is_lost && !ledger_.record_loss(*one)) ledger_.candidates().retry(id, rank);
}

void Coordinator::is_back(int rank) {
  core::log(core::LogLevel::warning, "Rank {} reports again and rejoins", rank);
  for (const Id id : workers_.given(rank)) {
    // Another may have brought its result meanwhile.
    if (ledger_.candidates().find(id) == nullptr) ranks_.send(rank, encode(Cancel{id}));
  }
  if (ending_.begun()) ranks_.send(rank, encode(Drain{}));  // the others have theirs
}

void Coordinator::give(int rank, CandidateTable::Issued& one) {
  account();
  one.rank = rank;
  one.at = {};
  one.given = now_;
  workers_.give(rank, one.candidate.id);
  ranks_.send(rank, encode(Work{one.candidate}));
}

void Coordinator::hand_out() {
  while (const auto rank = workers_.free_rank(std::nullopt)) {
    if (const auto retry = ledger_.candidates().next_retry(workers_)) {
      give(retry->rank, *retry->one);
      continue;
    }
    CandidateTable::Issued* next = ledger_.next();
    if (next == nullptr) return;
    give(*rank, *next);
  }
}

void Coordinator::tick(Clock::time_point now) {
  if (end()) return;
  now_ = now;
  try {
    act();
  } catch (const core::OwnershipLost&) {
    record_.keep_lost_results(ledger_.engine());
    throw;
  }
}

void Coordinator::act() {
  account();
  judge_silence();
  send_heartbeats();
  begin_when_all_are_there();
  drain_when_it_ends();
  if (ledger_.begun() && !ending_.begun() && !options_.dry_run) {
    hand_out();
    drain_when_it_ends();
  }
  record_.write_journal();
  if (ending_.begun()) {
    if (ending_.complete(now_)) shut_down_workers();
  } else if (record_.begun()) {
    record_.save_when_due(ledger_.engine(), "running");
    show_progress();
    show_ranks();
  }
  if (on_status_) on_status_(status());
}

void Coordinator::send_heartbeats() {
  if (now_ < next_beat_) return;
  next_beat_ = now_ + beat_interval(options_.heartbeat);
  for (const int rank : workers_.reachable()) ranks_.send(rank, encode(Heartbeat{}));
}

void Coordinator::drain_when_it_ends() {
  if (!ending_.decide(now_)) return;
  last_workforce_ = {workers_.evaluators(), workers_.lost()};
  for (const int rank : workers_.reachable()) ranks_.send(rank, encode(Drain{}));
}

void Coordinator::shut_down_workers() {
  for (const int rank : workers_.reachable()) {
    // This process's own worker ends with it, and a message to it would stay for the next search.
    if (rank != ranks_.rank()) ranks_.send(rank, encode(Shutdown{}));
  }
}

void Coordinator::account() {
  io::RunProgress& progress = record_.progress();
  const double passed = seconds(now_ - accounted_);
  accounted_ = now_;
  progress.elapsed_seconds += passed;
  progress.worker_seconds += passed * static_cast<double>(workers_.evaluators());
  progress.busy_seconds += passed * static_cast<double>(workers_.busy());
  if (!ending_.begun()) progress.workers = static_cast<int>(workers_.evaluators());
}

SearchStatus Coordinator::status() const {
  SearchStatus status = ledger_.status();
  const auto workforce =
      last_workforce_.value_or(Workforce{workers_.evaluators(), workers_.lost()});
  status.workers = static_cast<int>(workforce.evaluators);
  status.lost_ranks = static_cast<int>(workforce.lost_ranks);
  status.busy = static_cast<int>(workers_.busy());
  status.ending = ending_.begun();
  status.all_left = ending_.all_left();
  const io::RunProgress& progress = record_.progress();
  status.elapsed_seconds = progress.elapsed_seconds;
  status.utilisation = progress.utilisation();
  const auto done_now = static_cast<double>(status.done - ledger_.done_before());
  if (done_now > 0.0 && status.target >= status.done) {
    const double pace = seconds(now_ - start_) / done_now;
    status.remaining_seconds = pace * static_cast<double>(status.target - status.done);
  }
  return status;
}

void Coordinator::show_progress() {
  const CandidateTable& candidates = ledger_.candidates();
  if (now_ < next_shown_ || candidates.size() == 0) return;
  next_shown_ = now_ + show_interval;
  record_.show(candidates.in_flight(workers_, now_));
}

void Coordinator::show_ranks() {
  if (workers_.version() == shown_version_ || now_ < next_ranks_) return;
  next_ranks_ = now_ + show_interval;
  shown_version_ = workers_.version();
  record_.show({began_, core::version(), options_.log, workers_.facts()});
}

}  // namespace hierevo::search
