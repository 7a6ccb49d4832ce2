#include "search_record.hpp"

#include <algorithm>
#include <ctime>
#include <system_error>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/io/lost_results.hpp"

namespace hierevo::search {

namespace {

/// Snapshots take at most this share of the time.
constexpr int snapshot_share = 100;

}  // namespace

SearchRecord::SearchRecord(const std::filesystem::path& run, const SavePace& pace)
    : run_(run), pace_(pace) {
  // Nothing is in an empty folder that must not change before begin(): that is as good as none.
  std::error_code unreadable;
  if (core::path_exists(run) && !std::filesystem::is_empty(run, unreadable)) {
    directory_.emplace(run);
  } else {
    RunDirectory::require_makeable(run);
  }
}

std::optional<io::Snapshot> SearchRecord::load() {
  return directory_ ? directory_->load() : std::nullopt;
}

void SearchRecord::begin(const std::string& configuration) {
  if (!directory_) {
    directory_.emplace(run_);
    if (directory_->load()) {
      throw core::CheckpointError(run_, "another search has begun there just now", "",
                                  "Run the same command again to resume it.");
    }
  }
  directory_->take_over();
  next_check_ = Clock::now() + pace_.check;
  if (!configuration.empty()) directory_->save_configuration(configuration);
  directory_->clean_cut_off_writes();
  begun_ = true;
}

void SearchRecord::asked(const evolution::Candidate& candidate) {
  if (journal_) journal_->asked(candidate);
}

void SearchRecord::told(const evolution::Individual& individual) {
  unsaved_ = true;
  ++unwritten_;
  ++since_snapshot_;
  if (journal_) journal_->told(individual);
}

/// A search that was taken over may stand still in between, or be cut off from the file server.
void SearchRecord::check_owner() {
  const auto now = Clock::now();
  if (!begun_ || now < next_check_) return;
  next_check_ = now + pace_.check;
  try {
    const bool snapshot_is_ours = directory_->check();
    if (snapshot_is_ours && (!journal_ || journal_->is_in_place())) return;
    const Clock::time_point soon = std::max(now, last_attempt_ + pace_.retry);
    if (next_save_ <= soon) return;  // which was reported before
    const auto changed =
        snapshot_is_ours ? RunDirectory::journal_path(run_) : RunDirectory::snapshot_path(run_);
    core::log(core::LogLevel::warning,
              "'{}' was changed by something else: saving the search again", changed.string());
    unsaved_ = true;
    next_save_ = soon;
  } catch (const core::IoError&) {
    // Reported by what writes next.
  }
}

void SearchRecord::write_journal() {
  check_owner();
  if (!journal_) return;
  try {
    journal_->write();
    journal_is_behind_ = false;
    unwritten_ = 0;
  } catch (const core::IoError& error) {
    journal_is_behind_ = true;
    const auto now = Clock::now();
    if (now < next_complaint_) return;
    core::log(core::LogLevel::error, "{} Retrying, and trying a snapshot in its place.",
              error.what());
    next_complaint_ = now + pace_.retry;
    next_save_ = now;
  }
}

void SearchRecord::save_when_due(const evolution::Engine& engine, const std::string& state) {
  const auto now = Clock::now();
  if (!unsaved_ || now < next_save_) return;
  last_attempt_ = now;
  try {
    save(engine, state);
    const auto after = Clock::now();
    next_save_ = after + snapshot_share * (after - now);
    if (journal_) next_save_ = std::max(next_save_, after + pace_.with_journal);
  } catch (const core::IoError& error) {
    complain(error);
    next_save_ = now + (urgent_ ? pace_.urgent_retry : pace_.retry);
  }
}

void SearchRecord::complain(const core::IoError& error) {
  // Else it may be a file without a name by now.
  if (!directory_->is_in_place()) {
    journal_.reset();
    unwritten_ = since_snapshot_;
  }
  // The same again and again, but not every two seconds for hours.
  const auto now = Clock::now();
  if (now < next_report_) return;
  next_report_ =
      now + (reports_++ < 5 ? Clock::duration::zero() : Clock::duration(std::chrono::minutes(1)));
  core::log(core::LogLevel::error, "{} Trying again; {}.", error.what(),
            journal_ && !journal_is_behind_
                ? "the journal has what comes until then"
                : "new evaluations are not saved until then, but none is lost while the "
                  "search runs");
}

void SearchRecord::make_due() {
  unsaved_ = true;
  urgent_ = true;
  next_save_ = Clock::now();
}

void SearchRecord::save(const evolution::Engine& engine, const std::string& state) {
  progress_.state = state;
  progress_.unix_seconds = std::time(nullptr);
  const io::Snapshot snapshot = snapshot_of(engine);
  directory_->save(snapshot);
  directory_->clean_in_flight(snapshot.state);
  unsaved_ = false;
  unwritten_ = 0;
  since_snapshot_ = 0;
  reports_ = 0;
  next_report_ = {};
  begin_journal(snapshot);
}

io::Snapshot SearchRecord::snapshot_of(const evolution::Engine& engine) const {
  return {engine.options(), engine.state(), progress_, directory_->owner()};
}

void SearchRecord::keep_lost_results(const evolution::Engine& engine) const {
  try {
    core::log(core::LogLevel::error, "This search was taken over. {}",
              io::keep_lost_results(run_, snapshot_of(engine)));
  } catch (const core::Error& error) {
    core::log(core::LogLevel::error, "{} What this search had not saved is lost.", error.what());
  }
}

void SearchRecord::show(const std::vector<CandidateInFlight>& in_flight) const {
  if (directory_->is_in_place()) write_progress(run_, {progress_, in_flight});
}

void SearchRecord::show(const RankRecord& ranks) const {
  if (directory_->is_in_place()) write_ranks(run_, ranks);
}

void SearchRecord::show_nothing() const {
  if (directory_->is_in_place()) remove_progress(run_);
}

/// Without a journal snapshots alone keep what comes, and come more often.
void SearchRecord::begin_journal(const io::Snapshot& follows) {
  journal_.reset();
  journal_is_behind_ = false;
  try {
    journal_ = directory_->begin_journal(follows);
  } catch (const core::IoError& error) {
    core::log(core::LogLevel::warning, "{} There is no journal until the next snapshot.",
              error.what());
  }
}

}  // namespace hierevo::search
