#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "hierevo/core/append_file.hpp"
#include "hierevo/io/snapshot.hpp"

namespace hierevo::io {

/// What has happened in a search since its last snapshot, in order: candidates that were asked for
/// and evaluations that came back. A snapshot with its journal is the search at its last moment
/// (io/FORMAT.md). Belongs to one thread.
class Journal {
 public:
  /// Begins an empty one at `path`; the two earlier ones are kept as PATH.1 and PATH.2, as those
  /// snapshots are that they follow. Throws IoError.
  explicit Journal(const std::filesystem::path& path);

  void asked(const evolution::Candidate& candidate);
  void told(evolution::IndividualId id, const evolution::Evaluation& evaluation);

  /// Hands what was noted since to the system, where it survives the end of this process, and soon
  /// a power cut (core/append_file.hpp). Throws IoError when it could not be written; the journal
  /// then ends with its last whole record, and what was noted is not in it.
  void write();

 private:
  core::AppendFile file_;
  std::vector<std::byte> pending_;
};

/// The search in a run directory at its last moment: the newest good snapshot with all that the
/// journals know beyond it. Besides what load_snapshot() warns of, a warning for each journal that
/// is cut short by damage; a last record that is incomplete, as a kill leaves it, is none. Needs no
/// lock, also while a search writes. Nothing when there is no snapshot; throws as load_snapshot()
/// does, and CheckpointError when there are journals without a snapshot or a journal is from a
/// newer version.
std::optional<LoadedSnapshot> load_search(const std::filesystem::path& snapshot,
                                          const std::filesystem::path& journal);

}  // namespace hierevo::io
