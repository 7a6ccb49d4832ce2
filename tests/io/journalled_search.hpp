// A search with its files, for tests of what happens to these.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "hierevo/io/journal.hpp"
#include "hierevo/io/snapshot.hpp"

namespace hierevo::io::test {

/// A run of the engine whose events are recorded in a journal after a snapshot.
class JournalledSearch {
 public:
  explicit JournalledSearch(const std::filesystem::path& folder)
      : snapshot_(folder / "search.h5"), path_(folder / "journal") {}

  void save() const { save_snapshot(now(), snapshot_); }
  /// To be called after save().
  void begin_journal() { journal_ = std::make_unique<Journal>(path_, now()); }
  void drop_journal() { journal_.reset(); }
  void step() {
    const auto candidate = engine_.ask();
    evolution::Evaluation evaluation;
    evaluation.reason = std::string(300, 'x');
    engine_.tell(candidate->id, evaluation);
    if (!journal_) return;
    journal_->asked(*candidate);
    journal_->told(engine_.history().back());
    journal_->write();
  }
  Snapshot now() const { return {engine_.options(), engine_.state(), {}}; }
  std::size_t done() const { return engine_.history().size(); }
  std::size_t kept() const {
    return load_search(snapshot_, path_).value().snapshot.state.history.size();
  }

 private:
  std::filesystem::path snapshot_;
  std::filesystem::path path_;
  evolution::Engine engine_{{.space = genome::SearchSpace::parse("1x3"),
                             .population = 4,
                             .evaluations = 1000,
                             .start_mutations = 5}};
  std::unique_ptr<Journal> journal_;
};

}  // namespace hierevo::io::test
