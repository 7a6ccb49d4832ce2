#include "coordinator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "heartbeat.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "load_engine.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;
using evolution::Evaluation;
using evolution::number;
using evolution::Status;

/// Of --grace: how long a search that ends waits for its workers; the rest is for saving.
constexpr double share_for_workers = 0.85;
/// Candidates that need no evaluation are decided in groups, so that signals and messages are seen.
constexpr int most_decided_at_once = 1000;
/// A candidate whose workers were lost so often is taken to be the cause.
constexpr int most_losses = 3;
/// Between two writings of what is under way.
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
      stop_requested_(stop_requested),
      record_(options.run),
      admission_(options.fingerprint, options.run),
      engine_(load_engine(options, record_)),
      workers_(ranks.size() == 1 || options.master_evaluates ? 0 : 1, ranks.size(), Clock::now()) {
  for (const auto& individual : engine_.history()) count(individual.evaluation.status);
  done_before_ = engine_.history().size();
  if (done_before_ > 0) {
    core::log(core::LogLevel::info, "Going on after {}; {} to go on with",
              evaluations_text(done_before_, options.engine.evaluations),
              engine_.in_flight_count());
  }
}

void Coordinator::handle(int rank, const AnyMessage& message, Clock::time_point now) {
  if (!workers_.contains(rank)) {
    core::log(core::LogLevel::warning, "Rank {} is no worker; its message is ignored", rank);
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
  if (std::holds_alternative<Stop>(message)) stop_asked_ = true;
}

void Coordinator::greeted(int rank, const Hello& hello) {
  if (workers_.state(rank) != WorkerTable::State::expected) {
    core::log(core::LogLevel::warning, "Rank {} said Hello twice; ignored", rank);
    return;
  }
  const Admission::Refusal refusal = admission_.reason_to_refuse(hello);
  // Who comes late to a search that is under way does not end it.
  const bool ends_the_search = !refusal.why.empty() && !screening_;
  // What keeps the only rank from evaluating needs no name.
  if (ends_the_search && ranks_.size() == 1 && !hello.error.empty()) {
    throw core::UsageError(hello.error, "", "");
  }
  if (ends_the_search) {
    const std::string what = ranks_.size() == 1
                                 ? "The search cannot start"
                                 : fmt::format("Rank {} on {} cannot take part", rank, hello.host);
    throw core::UsageError(what, refusal.why, refusal.suggestion);
  }
  if (refusal.why.empty()) admission_.greeted(rank, hello);
  workers_.greeted(rank, hello.host, hello.evaluators);
  table_[rank] = fmt::format("{}, {} evaluators{}{}", hello.host, hello.evaluators,
                             hello.place.empty() ? "" : " on ", hello.place);
  if (!refusal.why.empty()) left(rank, {refusal.why});
}

void Coordinator::begin_record() {
  const Admission::Refusal refusal = admission_.reason_to_refuse_all();
  if (!refusal.why.empty()) {
    throw core::UsageError("The search cannot start", refusal.why, refusal.suggestion);
  }
  if (options_.dry_run) return;
  record_.begin(options_.configuration);
  const auto& data = admission_.data();
  if (!data || admission_.data_are_recorded()) return;
  record_.save_data(*data);
  if (done_before_ == 0) return;
  core::log(core::LogLevel::warning,
            "The run in '{}' has no record of its data: they are taken to be {} from the start",
            options_.run.string(), description(*data));
}

void Coordinator::begin_when_all_are_there() {
  if (screening_ || ending_ || workers_.any_expected()) return;
  for (const auto& [rank, text] : table_) {
    if (ranks_.size() > 1) core::log(core::LogLevel::info, "Rank {} is on {}", rank, text);
  }
  begin_record();
  screening_.emplace(options_, admission_.data());
  for (const auto& individual : engine_.history()) screening_->remember(individual.evaluation);
}

void Coordinator::took(int rank, const ProgressReport& report) {
  for (const auto& part : report.parts) {
    CandidateTable::Issued* one = candidates_.find(part.id);
    if (one == nullptr || !workers_.given(rank).contains(part.id)) continue;
    one->rank = rank;
    one->at = part.at;
  }
}

void Coordinator::finished_one(int rank, const Result& result) {
  if (!workers_.answered(rank, result.id)) {
    core::log(core::LogLevel::warning,
              "Rank {} sent a result of candidate {} that it was not given", rank,
              number(result.id));
    return;
  }
  const bool failed = evolution::is_failure(result.evaluation.status);
  if (workers_.judge(rank, !failed || result.evaluation.status == Status::diverged)) {
    core::log(core::LogLevel::error,
              "Rank {} on {} gets no more work: its evaluations fail where others' succeed. Last: "
              "{}",
              rank, workers_.host(rank), failure_text(result.evaluation));
  }
  CandidateTable::Issued* one = candidates_.find(result.id);
  if (one == nullptr) return;  // another worker was faster
  if (result.evaluation.status == Status::crashed && one->crashes++ == 0) {
    core::log(core::LogLevel::warning, "Candidate {} on rank {}: {}; it is tried once more",
              number(result.id), rank, failure_text(result.evaluation));
    if (workers_.holders(result.id).empty()) candidates_.retry(result.id, rank);
    return;
  }
  Evaluation evaluation = result.evaluation;
  evaluation.parameters = one->facts.parameters;
  evaluation.macs = one->facts.macs;
  evaluation.phenotype = one->facts.phenotype;
  evaluation.worker = rank;
  record(result.id, evaluation);
}

void Coordinator::cancelled(int rank, Id id) {
  const bool had_it = workers_.answered(rank, id);
  if (!had_it || candidates_.find(id) == nullptr) return;
  core::log(core::LogLevel::warning, "Rank {} has ended candidate {} unasked", rank, number(id));
  lost_at(rank, id);
}

void Coordinator::left(int rank, const Drained& message) {
  const bool as_told = message.error.empty() && ending_;
  if (as_told) {
    workers_.left(rank);
  } else if (workers_.state(rank) != WorkerTable::State::broken) {
    const std::set<Id> given = workers_.broke(rank);
    lose(rank,
         message.error.empty()
             ? "has left unasked"
             : fmt::format("on {} can evaluate no more ({})", workers_.host(rank), message.error),
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
  if (had_work) lose(rank, "has died", given);
}

void Coordinator::judge_silence() {
  if (now_ - ticked_ > longest_look) {
    workers_.forgive(now_ - ticked_, now_);
    usable_ = std::min(usable_ + (now_ - ticked_), now_);
  }
  ticked_ = now_;
  for (const int rank :
       workers_.fallen_silent(now_, std::chrono::duration_cast<Clock::duration>(options_.heartbeat),
                              patience_with_coordinator(options_.heartbeat))) {
    lose(rank, "is silent", workers_.given(rank));
  }
}

/// `given`: what it had not answered. The table of workers knows already that it is gone.
void Coordinator::lose(int rank, const std::string& how, const std::set<Id>& given) {
  core::log(core::LogLevel::error, "Rank {} {}; its {} candidates are given to others", rank, how,
            given.size());
  ranks_.give_up(rank);
  for (const Id id : given) lost_at(rank, id);
}

void Coordinator::lost_at(int rank, Id id) {
  CandidateTable::Issued* one = candidates_.find(id);
  if (one == nullptr || !workers_.holders(id).empty()) return;
  if (++one->losses < most_losses) {
    candidates_.retry(id, rank);
    return;
  }
  Evaluation evaluation = one->facts;
  evaluation.status = Status::crashed;
  evaluation.reason = fmt::format("the workers that evaluated it were lost, {} times", one->losses);
  record(id, evaluation);
}

void Coordinator::is_back(int rank) {
  core::log(core::LogLevel::warning, "Rank {} is heard of again", rank);
  for (const Id id : workers_.given(rank)) {
    // Another may have brought its result meanwhile.
    if (candidates_.find(id) == nullptr) ranks_.send(rank, encode(Cancel{id}));
  }
  if (ending_) ranks_.send(rank, encode(Drain{}));  // it was silent when the others were told
}

void Coordinator::count(Status status) {
  const bool reused = status == Status::reused;
  reused_ += reused ? 1 : 0;
  evaluated_ += reused || status == Status::evaluated ? 1 : 0;
}

void Coordinator::record(Id id, const Evaluation& evaluation) {
  engine_.tell(id, evaluation);
  cancel_at_others(id);
  candidates_.erase(id);
  record_.told(engine_.history().back());
  screening_->remember(evaluation);
  count(evaluation.status);
  failures_.take(evaluation);
  if (evolution::is_failure(evaluation.status)) {
    core::log(core::LogLevel::warning, "Candidate {} failed: {}", number(id),
              failure_text(evaluation));
  }
}

/// Who was silent and is back may have it as well as the one that brought its result.
void Coordinator::cancel_at_others(Id id) {
  if (candidates_.find(id) == nullptr) return;
  for (const int rank : workers_.holders(id)) ranks_.send(rank, encode(Cancel{id}));
}

/// Issues a candidate that somebody must evaluate; null where there is none now.
CandidateTable::Issued* Coordinator::screen_next() {
  for (int decided = 0; decided < most_decided_at_once; ++decided) {
    auto candidate = engine_.ask();
    if (!candidate) break;
    record_.asked(*candidate);
    Screening::Facts facts = screening_->look_at(*candidate);
    if (!facts.decided) {
      return &candidates_.issue(std::move(*candidate), std::move(facts.evaluation));
    }
    record(candidate->id, facts.evaluation);
  }
  return nullptr;
}

void Coordinator::give(int rank, CandidateTable::Issued& one) {
  account();
  one.rank = rank;
  one.at = {};
  workers_.give(rank, one.candidate.id);
  ranks_.send(rank, encode(Work{one.candidate}));
}

void Coordinator::hand_out() {
  while (const auto rank = workers_.free_rank(std::nullopt)) {
    if (const auto retry = candidates_.next_retry(workers_)) {
      give(retry->rank, *retry->one);
      continue;
    }
    CandidateTable::Issued* next = screen_next();
    if (next == nullptr) return;
    give(*rank, *next);
  }
}

void Coordinator::tick(Clock::time_point now) {
  if (end_) return;
  now_ = now;
  try {
    act();
  } catch (const core::OwnershipLost&) {
    record_.keep_lost_results(engine_);
    throw;
  }
}

void Coordinator::act() {
  account();
  judge_silence();
  send_heartbeats();
  begin_when_all_are_there();
  decide_end();
  if (screening_ && !ending_ && !options_.dry_run) {
    hand_out();
    decide_end();
  }
  record_.write_journal();
  if (ending_) {
    try_to_end();
  } else if (record_.begun()) {
    record_.save_when_due(engine_, "running");
    show_progress();
  }
  if (on_status_) on_status_(status());
}

void Coordinator::send_heartbeats() {
  if (now_ < next_beat_) return;
  next_beat_ = now_ + beat_interval(options_.heartbeat);
  for (const int rank : workers_.reachable()) ranks_.send(rank, encode(Heartbeat{}));
}

void Coordinator::decide_end() {
  if (ending_) return;
  if (options_.dry_run) {
    if (screening_) finish(workers_.lost() == 0 ? SearchEnd::checked : SearchEnd::failures);
  } else if (engine_.finished()) {
    finish(SearchEnd::finished);
  }
  if (ending_) return;
  if (is_asked_to_stop()) {
    finish(SearchEnd::saved);
  } else if (failures_.length() >= options_.max_consecutive_failures) {
    core::log(core::LogLevel::error, "{}", failures_.summary());
    finish(SearchEnd::failures);
  } else if (!anybody_may_evaluate()) {
    core::log(core::LogLevel::error, "{}",
              core::error_text("No worker is left", "nobody could evaluate",
                               "The search ends here; mend the cause, told above, and run the same "
                               "line again."));
    finish(SearchEnd::failures);
  }
}

bool Coordinator::is_asked_to_stop() const {
  return stop_asked_ || (stop_requested_ && stop_requested_());
}

/// When all are silent at once it may be this rank that is cut off, and they bear it for so long.
bool Coordinator::anybody_may_evaluate() {
  if (workers_.any_usable()) usable_ = now_;
  return workers_.any_usable() ||
         (workers_.any_silent() && now_ - usable_ <= patience_with_coordinator(options_.heartbeat));
}

void Coordinator::finish(SearchEnd end) {
  last_workers_ = status();
  // A run that was there is saved also when its workers never came: what was replayed, or taken
  // from an earlier snapshot, may be in no good one yet.
  if (!record_.begun() && !options_.dry_run && done_before_ > 0) {
    record_.begin(options_.configuration);
  }
  ending_ = end;
  ending_since_ = now_;
  if (end == SearchEnd::saved) {
    core::log(core::LogLevel::info,
              "Asked to stop, saving; {} candidates are under way and have up to {:.0f} s",
              candidates_.size(), share_for_workers * options_.grace.count());
  }
  record_.make_due();
  for (const int rank : workers_.reachable()) ranks_.send(rank, encode(Drain{}));
}

/// Ends when all workers have left, since until then results may come, and when all is saved. Both
/// are waited for, but not for ever.
void Coordinator::try_to_end() {
  const auto waited = now_ - ending_since_;
  if (!workers_.all_gone() && waited < share_for_workers * options_.grace) return;
  // Nobody waits for a search that has ended by itself: it has time until it is asked to stop.
  if (!hurried_since_ && (*ending_ == SearchEnd::saved || is_asked_to_stop())) {
    hurried_since_ = *ending_ == SearchEnd::saved ? ending_since_ : now_;
  }
  if (*ending_ == SearchEnd::saved && engine_.finished()) ending_ = SearchEnd::finished;
  if (record_.begun()) {
    const bool finished = *ending_ == SearchEnd::finished;
    const char* state =
        finished ? "finished" : (*ending_ == SearchEnd::saved ? "saved" : "stopped");
    if (!hurried_since_ || now_ - *hurried_since_ < options_.grace) {
      record_.save_when_due(engine_, state);
      if (!record_.saved()) return;
    } else if (!record_.saved()) {
      save_or_tell(state);
    }
  }
  if (record_.begun()) record_.show_nothing();
  all_left_ = workers_.all_left();
  end_ = ending_;
  send_home();
}

/// The last attempt: what keeps it from that goes to the caller.
void Coordinator::save_or_tell(const char* state) {
  try {
    record_.save(engine_, state);
  } catch (const core::IoError&) {
    const std::size_t lost = record_.unwritten();
    core::log(core::LogLevel::error, "The search could not be saved within the grace of {} s; {}",
              options_.grace.count(),
              lost == 0 ? "its results are in the journal, and the same command resumes the search"
                        : fmt::format(
                              "{} results may be in no file of '{}'; those will be evaluated anew",
                              lost, options_.run.string()));
    throw;
  }
}

void Coordinator::send_home() {
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
  if (!ending_) progress.workers = static_cast<int>(workers_.evaluators());
}

SearchStatus Coordinator::status() const {
  const io::RunProgress& progress = record_.progress();
  SearchStatus status;
  status.done = engine_.history().size();
  status.failed = engine_.failures();
  status.evaluated = evaluated_;
  status.reused = reused_;
  status.in_flight = engine_.in_flight_count();
  status.target = options_.engine.evaluations;
  if (const evolution::Individual* best = engine_.best()) {
    status.best = best->candidate.id;
    status.best_fitness = best->evaluation.fitness;
    status.best_parameters = best->evaluation.parameters;
  }
  // When it ends, all leave.
  status.workers = ending_ ? last_workers_.workers : static_cast<int>(workers_.evaluators());
  status.lost_ranks = ending_ ? last_workers_.lost_ranks : static_cast<int>(workers_.lost());
  status.ending = ending_.has_value();
  status.all_left = all_left_;
  status.busy = static_cast<int>(workers_.busy());
  status.elapsed_seconds = progress.elapsed_seconds;
  if (progress.worker_seconds > 0.0) {
    status.utilisation = progress.busy_seconds / progress.worker_seconds;
  }
  const auto done_now = static_cast<double>(status.done - done_before_);
  if (done_now > 0.0 && status.target >= status.done) {
    const double pace = seconds(now_ - start_) / done_now;
    status.remaining_seconds = pace * static_cast<double>(status.target - status.done);
  }
  return status;
}

std::vector<UnderWay> Coordinator::under_way() const {
  return candidates_.under_way(workers_);
}

void Coordinator::show_progress() {
  if (now_ < next_shown_ || candidates_.size() == 0) return;
  next_shown_ = now_ + show_interval;
  record_.show(under_way());
}

}  // namespace hierevo::search
