#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "hierevo/core/file.hpp"
#include "hierevo/io/journal.hpp"
#include "hierevo/io/snapshot.hpp"
#include "hierevo/search/data_facts.hpp"

namespace hierevo::search {

/// The folder that holds everything of a run (io/FORMAT.md), locked against a second search while
/// this lives. For rank 0 alone.
class RunDirectory {
 public:
  /// Makes the folder when it is not there. Throws UsageError when another process runs a search in
  /// it or the folder holds other things than a run, IoError when it cannot be used.
  explicit RunDirectory(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }

  /// Whether path() is still the folder that is locked.
  bool is_in_place() const noexcept;

  std::optional<io::Snapshot> load() const { return read(path_); }
  /// What writes into the folder throws IoError, also when `path` is no longer the folder that is
  /// locked, but gone or another one.
  void save(const io::Snapshot& snapshot) const;
  /// A journal for what comes after the snapshot that was saved last.
  std::unique_ptr<io::Journal> begin_journal(const io::Snapshot& follows) const;

  /// config.ini: the options of the run in folder `run`. Nothing when there is none yet. Needs no
  /// lock.
  static std::optional<std::string> configuration_of(const std::filesystem::path& run);
  void save_configuration(const std::string& text) const;
  /// data.json: what the run's evaluators learn from (data_record.hpp reads it).
  void save_data(const DataFacts& data) const;

  static std::filesystem::path snapshot_path(const std::filesystem::path& run) {
    return run / "search.h5";
  }
  static std::filesystem::path journal_path(const std::filesystem::path& run) {
    return run / "journal";
  }
  /// The search at its last moment (io::load_search), also while it runs; warnings go to the log.
  static std::optional<io::Snapshot> read(const std::filesystem::path& run);
  /// inflight/ID.h5: a candidate whose evaluation was saved half done; its evaluator writes it.
  static std::filesystem::path half_trained_path(const std::filesystem::path& run,
                                                 evolution::IndividualId id);
  /// Removes what inflight/ has of candidates whose evaluation has ended: them half-trained, and
  /// their genotypes for a program (ID.json), which their evaluators have written.
  void clean_in_flight(const evolution::EngineState& state) const;
  /// Removes what writes into inflight/ left when they were killed. For a search that begins: no
  /// evaluator writes yet.
  void clean_cut_off_writes() const;

  /// Throws IoError when `run`, which is not there, could not be made either. Writes nothing.
  static void require_makeable(const std::filesystem::path& run);
  /// Whether a search holds the folder at this moment. Also for folders that are no run: false.
  static bool in_use(const std::filesystem::path& run);

 private:
  void require_claimed() const;

  std::filesystem::path path_;
  core::FileLock lock_;
};

}  // namespace hierevo::search
