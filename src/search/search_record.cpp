#include "search_record.hpp"

#include <algorithm>
#include <ctime>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::search {

namespace {

using namespace std::chrono_literals;

/// Snapshots take at most this share of the time, and where a journal is written come no more often
/// than this.
constexpr int snapshot_share = 100;
constexpr auto snapshot_interval = 30s;
/// Between two attempts on a disk that is full.
constexpr auto retry_interval = 10s;
constexpr auto urgent_retry_interval = 2s;

}  // namespace

SearchRecord::SearchRecord(const std::filesystem::path& run) : run_(run) {
  if (core::path_exists(run)) {
    directory_.emplace(run);
  } else {
    RunDirectory::require_makeable(run);
  }
}

std::optional<io::Snapshot> SearchRecord::load() const {
  return directory_ ? directory_->load() : std::nullopt;
}

void SearchRecord::begin(const std::string& configuration) {
  if (!directory_) {
    directory_.emplace(run_);
    if (directory_->load()) {
      throw core::CheckpointError(run_, "another search has begun there just now", "",
                                  "Run the same line again to go on with it.");
    }
  }
  if (!configuration.empty()) directory_->save_configuration(configuration);
  begun_ = true;
}

void SearchRecord::asked(const evolution::Candidate& candidate) {
  if (journal_) journal_->asked(candidate);
}

void SearchRecord::told(const evolution::Individual& individual) {
  unsaved_ = true;
  if (journal_) journal_->told(individual);
}

void SearchRecord::write_journal() {
  if (!journal_) return;
  try {
    journal_->write();
  } catch (const core::IoError& error) {
    const auto now = Clock::now();
    if (now < next_complaint_) return;
    core::log(core::LogLevel::error, "{} This is tried again, and a snapshot in its place.",
              error.what());
    next_complaint_ = now + retry_interval;
    next_save_ = now;
  }
}

void SearchRecord::save_when_due(const evolution::Engine& engine, const std::string& state) {
  const auto now = Clock::now();
  if (!unsaved_ || now < next_save_) return;
  try {
    save(engine, state);
    const auto after = Clock::now();
    next_save_ = after + snapshot_share * (after - now);
    if (journal_) next_save_ = std::max(next_save_, after + snapshot_interval);
  } catch (const core::IoError& error) {
    core::log(core::LogLevel::error,
              "{} The search goes on from memory; this is tried again. What was saved before is "
              "still there.",
              error.what());
    next_save_ = now + (urgent_ ? urgent_retry_interval : retry_interval);
  }
}

void SearchRecord::make_due() {
  unsaved_ = true;
  urgent_ = true;
  next_save_ = Clock::now();
}

void SearchRecord::save(const evolution::Engine& engine, const std::string& state) {
  progress_.state = state;
  progress_.unix_seconds = std::time(nullptr);
  const io::Snapshot snapshot{engine.options(), engine.state(), progress_};
  directory_->save(snapshot);
  directory_->clean_half_trained(snapshot.state);
  unsaved_ = false;
  begin_journal(snapshot);
}

/// Without a journal snapshots alone keep what comes, and come more often.
void SearchRecord::begin_journal(const io::Snapshot& follows) {
  journal_.reset();
  try {
    journal_ = directory_->begin_journal(follows);
  } catch (const core::IoError& error) {
    core::log(core::LogLevel::warning, "{} There is no journal until the next snapshot.",
              error.what());
  }
}

}  // namespace hierevo::search
