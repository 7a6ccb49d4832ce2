// What lasts of a search: when its snapshots and its journal are written.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/search/data_facts.hpp"
#include "hierevo/search/rank_record.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/search_progress.hpp"

namespace hierevo::search {

/// When snapshots are written.
struct SavePace {
  std::chrono::steady_clock::duration with_journal = std::chrono::seconds(30);  ///< no more often
  /// Between two attempts, say on a disk that is full.
  std::chrono::steady_clock::duration retry = std::chrono::seconds(10);
  std::chrono::steady_clock::duration urgent_retry = std::chrono::seconds(2);  ///< after make_due()
  /// Between two looks whether the run still is this search's.
  std::chrono::steady_clock::duration check = std::chrono::seconds(1);
};

/// The run directory as the coordinator uses it. What cannot be written is logged and
/// retried: the search continues in memory meanwhile.
class SearchRecord {
 public:
  /// Opens the run directory where there is one; where there is none, or an empty folder, throws
  /// when it could not be made.
  explicit SearchRecord(const std::filesystem::path& run, const SavePace& pace = {});

  /// What an earlier run left behind, if there was one.
  std::optional<io::Snapshot> load();
  /// Makes the directory where there was none, and keeps the options in it. Throws CheckpointError
  /// when another search began there meanwhile.
  void begin(const std::string& configuration);
  /// Keeps what the evaluators learn from. For a search that has begun.
  void save_data(const DataFacts& data) const { directory_->save_data(data); }
  /// Before it has, nothing is written.
  bool begun() const { return begun_; }

  /// Sums over all starts, to be kept up to date by the caller.
  io::RunProgress& progress() { return progress_; }
  const io::RunProgress& progress() const { return progress_; }

  void asked(const evolution::Candidate& candidate);
  void told(const evolution::Individual& individual);
  /// Hands what was noted to the system. To be called after every group of events, and also where
  /// there were none: it looks now and then whether the run still is this search's. Like all that
  /// writes it throws OwnershipLost when it is not.
  void write_journal();
  /// After that: keeps what the new owner does not have beside the run, and reports where.
  void keep_lost_results(const evolution::Engine& engine) const;

  /// Writes a snapshot when it is time for one.
  void save_when_due(const evolution::Engine& engine, const std::string& state);
  /// The next one is due at once.
  void make_due();
  /// Writes one, or throws IoError.
  void save(const evolution::Engine& engine, const std::string& state);
  /// Keeps `in_flight` in progress.json while the search runs, until it ends.
  void show(const std::vector<CandidateInFlight>& in_flight) const;
  void show_nothing() const;
  /// Keeps it in ranks.json, also when the search has ended.
  void show(const RankRecord& ranks) const;
  /// Whether all is in a snapshot.
  bool saved() const { return !unsaved_; }
  /// How many results are in no file yet.
  std::size_t unwritten() const { return unwritten_; }

 private:
  using Clock = std::chrono::steady_clock;

  void check_owner();
  io::Snapshot snapshot_of(const evolution::Engine& engine) const;
  void begin_journal(const io::Snapshot& follows);
  void complain(const core::IoError& error);

  std::filesystem::path run_;
  SavePace pace_;
  std::optional<RunDirectory> directory_;
  std::unique_ptr<io::Journal>
      journal_;  ///< since the last snapshot; none when there cannot be one
  io::RunProgress progress_;
  Clock::time_point next_save_ = Clock::now();
  Clock::time_point next_check_{};      ///< of the ownership
  Clock::time_point next_complaint_{};  ///< about the journal
  bool journal_is_behind_ = false;      ///< it could not be written
  Clock::time_point last_attempt_{};    ///< to save a snapshot
  Clock::time_point next_report_{};     ///< that one could not be saved
  int reports_ = 0;                     ///< of that, since the last that was
  std::size_t unwritten_ = 0;
  std::size_t since_snapshot_ = 0;  ///< results that came
  bool begun_ = false;
  bool unsaved_ = true;
  bool urgent_ = false;
};

}  // namespace hierevo::search
