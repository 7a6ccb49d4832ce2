#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/io/journal.hpp"
#include "hierevo/io/snapshot.hpp"
#include "hierevo/search/data_facts.hpp"

namespace hierevo::search {

/// The folder that holds everything of a run (io/FORMAT.md), locked against a second search while
/// this lives. Locks can lie (core/claim_directory.hpp): so a search becomes the run's owner before
/// it writes, and what writes looks whether it still is, and throws OwnershipLost. For rank 0
/// alone.
class RunDirectory {
 public:
  /// Makes the folder when it is not there. Throws InUseError when another process runs a search in
  /// it, CheckpointError when the folder holds other things than a run, IoError when it cannot be
  /// used.
  explicit RunDirectory(std::filesystem::path path);

  /// The folder.
  const std::filesystem::path& path() const { return path_; }

  /// Whether path() is still the folder that is locked.
  bool is_in_place() const noexcept;

  /// The search so far, with the results of a start that was taken over if they do not contradict
  /// it (io/lost_results.hpp).
  std::optional<io::Snapshot> load();
  /// Before anything is written. Throws InUseError when another process has written there since
  /// load(): it is alive, and the lock did not keep it away.
  void take_over();
  /// Throws OwnershipLost when another process has taken the run over, IoError when the folder is
  /// not the one that is locked. Says whether search.h5 is the one that was saved last here.
  bool check();
  /// This start's mark; {0, 0} before take_over().
  const core::OwnerMark& owner() const { return claim_.mark(); }

  /// What writes into the folder throws IoError, also when `path` is no longer the folder that is
  /// locked, but gone or another one.
  void save(const io::Snapshot& snapshot);
  /// A journal for what comes after the snapshot that was saved last.
  std::unique_ptr<io::Journal> begin_journal(const io::Snapshot& follows) const;

  /// config.ini: the options of the run in folder `run`. Nothing when there is none yet. Needs no
  /// lock.
  static std::optional<std::string> configuration_of(const std::filesystem::path& run);
  /// Replaces config.ini by `text`.
  void save_configuration(const std::string& text) const;
  /// data.json: what the run's evaluators learn from (data_record.hpp reads it).
  void save_data(const DataFacts& data) const;

  /// search.h5: the snapshot that was saved last.
  static std::filesystem::path snapshot_path(const std::filesystem::path& run) {
    return run / "search.h5";
  }
  /// journal: what has happened since that snapshot.
  static std::filesystem::path journal_path(const std::filesystem::path& run) {
    return run / "journal";
  }
  /// The search at its last moment (io::load_search), also while it runs; warnings go to the log.
  static std::optional<io::Snapshot> read(const std::filesystem::path& run);
  /// inflight/ID.h5: a candidate whose evaluation was saved half done; its evaluator writes it.
  static std::filesystem::path half_trained_path(const std::filesystem::path& run,
                                                 evolution::IndividualId id);
  /// Removes what inflight/ has of candidates whose evaluation has ended: them half-trained, their
  /// genotypes for a program (ID.json) and the folders that programs have filled (ID.d).
  void clean_in_flight(const evolution::EngineState& state);
  /// Removes what writes into inflight/ left when they were killed. For a search that begins: no
  /// evaluator writes yet.
  void clean_cut_off_writes();

  /// Throws IoError when `run`, which is not there, could not be made either. Writes nothing.
  static void require_makeable(const std::filesystem::path& run);
  /// Whether a search holds the folder at this moment. Also for folders that are no run: false.
  static bool in_use(const std::filesystem::path& run);

 private:
  /// A file as it was at some moment: another one, or one that was written to, is another.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t number = 0;
    std::int64_t size = -1;  ///< there is none
    std::int64_t nanoseconds = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identity_of(const std::filesystem::path& file);
  /// Of all that other searches would write.
  std::array<Identity, 2> identities() const;

  std::filesystem::path path_;
  core::DirectoryClaim claim_;
  std::array<Identity, 2> loaded_;               ///< when the search was loaded
  std::uint64_t incarnation_ = 0;                ///< of the search that was loaded
  std::optional<Identity> saved_;                ///< search.h5 as it was saved here last
  int saves_ = 0;                                ///< without another process's between
  std::set<std::filesystem::path> not_removed_;  ///< folders that were warned of
};

}  // namespace hierevo::search
