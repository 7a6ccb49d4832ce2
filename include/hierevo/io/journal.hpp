#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "hierevo/io/snapshot.hpp"

namespace hierevo::io {

/// What has happened in a search since its last snapshot, in order: candidates that were asked for
/// and evaluations that came back. A snapshot with its journal is the search at its last moment
/// (io/FORMAT.md). Belongs to one thread.
class Journal {
 public:
  /// Begins one at `path` that follows on the snapshot which was saved last; the two earlier ones
  /// are kept as PATH.1 and PATH.2, as those snapshots are that they follow. Throws IoError.
  Journal(const std::filesystem::path& path, const Snapshot& follows);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  /// What was noted and not written is not in it.
  ~Journal();

  void asked(const evolution::Candidate& candidate);
  void told(const evolution::Individual& individual);

  /// Hands what was noted since to the system, where it survives the end of this process, and soon
  /// a power cut (core/append_file.hpp). Throws IoError when it could not be written: the file then
  /// ends with its last whole record, and a later call writes what this one could not.
  void write();

  /// Whether the file is still there with all that was written. Throws IoError.
  bool is_in_place() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The search in a run directory at its last moment: the newest good snapshot with all that the
/// journals know beyond it. Besides what load_snapshot() warns of, a warning for each journal that
/// is damaged, of another run, or does not follow on what is known: what it has from there on is
/// not used. A last record that is incomplete, as a kill leaves it, is no damage. Needs no lock,
/// also while a search writes. Nothing when there is no snapshot; throws as load_snapshot() does,
/// and CheckpointError when there are journals without a snapshot or a journal is of another
/// version.
std::optional<LoadedSnapshot> load_search(const std::filesystem::path& snapshot,
                                          const std::filesystem::path& journal);

}  // namespace hierevo::io
