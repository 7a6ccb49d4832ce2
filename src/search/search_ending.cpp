#include "search_ending.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "heartbeat.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::search {

namespace {

/// Of the grace: how long a search that ends waits for its workers; the rest is for saving.
constexpr double share_for_workers = 0.85;

const char* state_named(SearchEnd end) {
  if (end == SearchEnd::finished) return "finished";
  return end == SearchEnd::saved ? "saved" : "stopped";
}

}  // namespace

SearchEnding::SearchEnding(const SearchOptions& options, const StopCallback& stop_requested,
                           const WorkerTable& workers, const EvaluationLedger& ledger,
                           SearchRecord& record, Clock::time_point now)
    : options_(options),
      stop_requested_(stop_requested),
      workers_(workers),
      ledger_(ledger),
      record_(record),
      usable_(now) {}

void SearchEnding::forgive(Clock::duration silence, Clock::time_point now) {
  usable_ = std::min(usable_ + silence, now);
}

bool SearchEnding::decide(Clock::time_point now) {
  if (ending_) return false;
  ending_ = reason_to_end(now);
  if (!ending_) return false;
  ending_since_ = now;
  // A run that was there is saved also when its workers never came: what was replayed, or taken
  // from an earlier snapshot, may be in no good one yet.
  if (!record_.begun() && !options_.dry_run && ledger_.done_before() > 0) {
    record_.begin(options_.configuration);
  }
  if (*ending_ == SearchEnd::saved) {
    core::log(core::LogLevel::info,
              "Asked to stop; saving. The {} candidates in flight have up to {:.0f} s",
              ledger_.candidates().size(), share_for_workers * options_.grace.count());
  }
  record_.make_due();
  return true;
}

std::optional<SearchEnd> SearchEnding::reason_to_end(Clock::time_point now) {
  if (options_.dry_run) {
    if (ledger_.begun()) return workers_.lost() == 0 ? SearchEnd::checked : SearchEnd::failures;
  } else if (ledger_.engine().finished()) {
    return SearchEnd::finished;
  }
  if (is_asked_to_stop()) return SearchEnd::saved;
  if (ledger_.failures().length() >= options_.max_consecutive_failures) {
    core::log(core::LogLevel::error, "{}", ledger_.failures().summary());
    return SearchEnd::failures;
  }
  if (anybody_may_evaluate(now)) return std::nullopt;
  core::log(core::LogLevel::error, "{}",
            core::error_text("No worker is left", "no rank can evaluate",
                             "The search stops here; fix the cause, reported above, and run the "
                             "same command again to resume it."));
  return SearchEnd::failures;
}

bool SearchEnding::is_asked_to_stop() const {
  return stop_asked_ || (stop_requested_ && stop_requested_());
}

/// When all are silent at once it may be this rank that is cut off: they wait for it that long too.
bool SearchEnding::anybody_may_evaluate(Clock::time_point now) {
  if (workers_.any_usable()) usable_ = now;
  return workers_.any_usable() ||
         (workers_.any_silent() && now - usable_ <= patience_with_coordinator(options_.heartbeat));
}

bool SearchEnding::complete(Clock::time_point now) {
  if (!workers_.all_gone() && now - ending_since_ < share_for_workers * options_.grace) {
    return false;
  }
  if (*ending_ == SearchEnd::saved) {
    hurried_since_ = ending_since_;
    if (ledger_.engine().finished()) ending_ = SearchEnd::finished;
  } else if (!hurried_since_ && is_asked_to_stop()) {
    // Nobody waits for a search that has ended by itself: it has time until it is asked to stop.
    hurried_since_ = now;
  }
  if (record_.begun()) {
    if (!save(now)) return false;
    record_.show_nothing();
  }
  all_left_ = workers_.all_left();
  end_ = ending_;
  return true;
}

bool SearchEnding::save(Clock::time_point now) {
  if (!hurried_since_ || now - *hurried_since_ < options_.grace) {
    record_.save_when_due(ledger_.engine(), state_named(*ending_));
  } else if (!record_.saved()) {
    save_or_report(state_named(*ending_));
  }
  return record_.saved();
}

/// The last attempt: what keeps it from that goes to the caller.
void SearchEnding::save_or_report(const char* state) {
  try {
    record_.save(ledger_.engine(), state);
  } catch (const core::IoError&) {
    const std::size_t lost = record_.unwritten();
    core::log(core::LogLevel::error, "The search could not be saved within its grace of {} s; {}",
              options_.grace.count(),
              lost == 0 ? "its results are in the journal, and the same command resumes the search"
                        : fmt::format("{} results may be in no file of '{}' and would be evaluated "
                                      "again",
                                      lost, options_.run.string()));
    throw;
  }
}

}  // namespace hierevo::search
