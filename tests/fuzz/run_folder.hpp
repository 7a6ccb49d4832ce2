// A run directory with a small snapshot, and what a search started there knows.
#pragma once

#include <filesystem>

#include "hierevo/core/error.hpp"
#include "hierevo/io/journal.hpp"
#include "io/samples.hpp"
#include "kept.hpp"
#include "support/scratch_folder.hpp"
#include "target.hpp"

namespace hierevo::fuzz {

class RunFolder {
 public:
  RunFolder() { io::save_snapshot(io::test::golden_snapshot(), snapshot()); }

  std::filesystem::path journal() const { return folder_.path() / "journal"; }

  /// Reads the snapshot with the journal that was put there. The result must be a search that
  /// continues the snapshot's, and whose own snapshot is as good.
  void check() const {
    try {
      const auto loaded = io::load_search(snapshot(), journal());
      require(loaded.has_value(), "a search with a snapshot is found");
      const io::Snapshot golden = io::test::golden_snapshot();
      const auto& history = loaded->snapshot.state.history;
      require(history.size() >= golden.state.history.size(), "no evaluation is lost");
      evolution::Engine(loaded->snapshot.options, loaded->snapshot.state);
      require_kept(loaded->snapshot);
    } catch (const core::CheckpointError& refusal) {
      require(refusal.path() == journal(), "what a journal adds can be resumed from");
    }
  }

 private:
  std::filesystem::path snapshot() const { return folder_.path() / "search.h5"; }

  test::ScratchFolder folder_;
};

}  // namespace hierevo::fuzz
