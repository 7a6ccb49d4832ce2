#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "hierevo/io/snapshot.hpp"

namespace hierevo::io {

/// What has happened in a search since its last snapshot, in order: candidates that were made and
/// evaluations that came back. A snapshot with its journal is the latest state of the search
/// (io/FORMAT.md). Belongs to one thread.
class Journal {
 public:
  /// Begins one at `path` that follows the snapshot saved last; the two earlier ones are kept as
  /// PATH.1 and PATH.2, like the snapshots that they follow. Throws IoError.
  Journal(const std::filesystem::path& path, const Snapshot& follows);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  /// What was recorded but not written is lost.
  ~Journal();

  /// Records that a candidate was made.
  void asked(const evolution::Candidate& candidate);
  /// Records the result of a candidate.
  void told(const evolution::Individual& individual);

  /// Hands what was recorded since to the system, where it survives the end of this process, and
  /// soon also a power cut (core/append_file.hpp). Throws IoError when it could not be written: the
  /// file then ends with its last complete record, and a later call writes the rest.
  void write();

  /// Whether the file is still there with all that was written. Throws IoError.
  bool is_in_place() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The latest state of the search in a run directory: the newest good snapshot with all that the
/// journals add to it. Besides load_snapshot()'s warnings, one for each journal that is damaged,
/// belongs to another run, or does not follow what is known: the rest of it is not used. An
/// incomplete last record, as a kill leaves it, is no damage. Needs no lock, even while a search
/// writes. Nothing when there is no snapshot; throws as load_snapshot() does, and CheckpointError
/// when there are journals without a snapshot or a journal is of another version.
std::optional<LoadedSnapshot> load_search(const std::filesystem::path& snapshot,
                                          const std::filesystem::path& journal);

}  // namespace hierevo::io
