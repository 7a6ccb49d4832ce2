#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/io/journal.hpp"
#include "journal_format.hpp"
#include "snapshot_files.hpp"

namespace hierevo::io {

namespace fs = std::filesystem;

namespace {

using evolution::Candidate;
using evolution::Evaluation;
using evolution::IndividualId;

/// Compares bytes: a loss may be NaN.
bool same(const Evaluation& a, const Evaluation& b) {
  core::ByteWriter left;
  core::ByteWriter right;
  evolution::write(left, a);
  evolution::write(right, b);
  return left.take() == right.take();
}

/// A state to which the events of journals are added, the oldest journal first.
class Replay {
 public:
  explicit Replay(Snapshot& search)
      : space_(search.options.space),
        run_(run_identity(search.options)),
        state_(search.state),
        owner_(search.owner) {
    evolution::EngineState& state = search.state;
    for (std::size_t i = 0; i < state.history.size(); ++i) {
      told_.emplace(state.history[i].candidate.id, i);
    }
    for (auto& candidate : state.in_flight) in_flight_.emplace(candidate.id, std::move(candidate));
  }

  /// The next record of a journal; the first is its header. Returns why it does not follow what is
  /// known, or nothing.
  std::string take(std::span<const std::byte> record, bool first) {
    core::ByteReader in(record);
    const auto kind = static_cast<RecordKind>(in.u8());
    if (first) {
      return kind == RecordKind::begun ? take_header(in) : "it does not begin with its header";
    }
    const bool follows =
        kind == RecordKind::asked ? take_asked(in) : kind == RecordKind::told && take_told(in);
    return follows ? "" : "a record does not follow from those before";
  }

  /// Back to what a later start of the search knew when it began: what an earlier one recorded
  /// after it had been taken over does not count (lost_results.hpp).
  void roll_back_to(const JournalHeader& header) {
    auto& history = state_.history;
    while (history.size() > header.told) {
      Candidate candidate = std::move(history.back().candidate);
      history.pop_back();
      told_.erase(candidate.id);
      in_flight_.emplace(candidate.id, std::move(candidate));
    }
    in_flight_.erase(in_flight_.upper_bound(IndividualId{header.asked}), in_flight_.end());
  }

  std::vector<Candidate> in_flight() const {
    std::vector<Candidate> candidates;
    for (const auto& [id, candidate] : in_flight_) candidates.push_back(candidate);
    return candidates;
  }

  void finish() {
    state_.in_flight.clear();
    for (auto& [id, candidate] : in_flight_) state_.in_flight.push_back(std::move(candidate));
  }

 private:
  std::size_t asked() const { return told_.size() + in_flight_.size(); }

  const Candidate* find(IndividualId id) const {
    if (const auto found = in_flight_.find(id); found != in_flight_.end()) return &found->second;
    const auto found = told_.find(id);
    return found == told_.end() ? nullptr : &state_.history[found->second].candidate;
  }

  std::string take_header(core::ByteReader& in) {
    const auto header = read_header(in);
    if (!header || header->told > header->asked) return "its header is impossible";
    if (header->run != run_) return "it belongs to another run";
    if (header->asked > asked() || header->told > state_.history.size()) {
      return fmt::format("it follows {} evaluations of {} candidates, but {} of {} are known",
                         header->told, header->asked, state_.history.size(), asked());
    }
    if (header->digest &&
        *header->digest != digest_of(state_.history, in_flight(), header->asked, header->told)) {
      return "it follows other evaluations than these";
    }
    if (header->owner.incarnation > owner_.incarnation) {
      roll_back_to(*header);
      owner_ = header->owner;
    }
    position_ = header->told;
    return "";
  }

  bool take_asked(core::ByteReader& in) {
    auto candidate = evolution::read_candidate(in, space_);
    if (!candidate || !in.at_end()) return false;
    if (const Candidate* known = find(candidate->id)) return *known == *candidate;
    // Candidates are numbered without a gap, and made from all that is known: otherwise events are
    // missing.
    const std::size_t now = state_.history.size();
    const bool next = number(candidate->id) == asked() + 1 && position_ == now &&
                      candidate->known.value_or(now) == now;
    if (!next || (candidate->parent && !told_.contains(*candidate->parent))) return false;
    in_flight_.emplace(candidate->id, std::move(*candidate));
    return true;
  }

  bool take_told(core::ByteReader& in) {
    const IndividualId id{in.u64()};
    const std::uint32_t checksum = in.u32();
    auto evaluation = read_told(in);
    if (!evaluation) return false;
    const Candidate* candidate = find(id);
    if (candidate == nullptr || checksum_of(*candidate) != checksum) return false;
    const std::size_t position = position_++;
    if (position < state_.history.size()) {
      const auto& there = state_.history[position];
      return there.candidate.id == id && same(there.evaluation, *evaluation);
    }
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) return false;
    state_.history.push_back({std::move(found->second), std::move(*evaluation)});
    told_.emplace(id, position);
    in_flight_.erase(found);
    return true;
  }

  const genome::SearchSpace& space_;
  std::uint64_t run_;
  evolution::EngineState& state_;
  core::OwnerMark& owner_;  ///< the start of the search that was followed last
  std::unordered_map<IndividualId, std::size_t> told_;  ///< where they are in the history
  std::map<IndividualId, Candidate> in_flight_;
  std::size_t position_ = 0;  ///< in the history, of the next evaluation of this journal
};

/// Adds warnings about damage and about what does not follow.
void take_journal(const fs::path& path, std::span<const std::byte> bytes, Replay& replay,
                  std::vector<std::string>& warnings) {
  const JournalContent content = content_of_journal(bytes, path);
  if (content.damaged) {
    warnings.push_back(core::error_text(
        fmt::format("'{}': its first line is damaged", path.string()), "",
        content.records.empty() ? "None of it is used." : "The rest can be used."));
  }
  Records records(content.records);
  std::size_t good = bytes.size() - records.left();
  std::string problem;
  for (bool first = true; problem.empty(); first = false) {
    const auto record = records.next();
    if (!record) break;
    problem = replay.take(*record, first);
    if (problem.empty()) good = bytes.size() - records.left();
  }
  if (records.is_damaged()) problem = "a record is damaged, or one before it is missing";
  if (problem.empty()) return;
  warnings.push_back(core::error_text(
      fmt::format("'{}': what follows byte {} is not used", path.string(), good), problem));
}

/// A journal as it was read.
struct ReadJournal {
  fs::path name;
  std::vector<std::byte> bytes;
  std::uint64_t incarnation = 0;
};

/// In the order in which they were written, without those of starts before the snapshot's: what it
/// lacks of them came too late.
std::vector<ReadJournal> in_order(std::vector<ReadJournal> newest_first, std::uint64_t since) {
  std::vector<ReadJournal> journals;
  for (auto journal = newest_first.rbegin(); journal != newest_first.rend(); ++journal) {
    const auto header = header_of_journal(journal->bytes, journal->name);
    journal->incarnation = header ? header->owner.incarnation : since;
    if (journal->incarnation >= since) journals.push_back(std::move(*journal));
  }
  std::ranges::stable_sort(journals, {}, &ReadJournal::incarnation);
  return journals;
}

}  // namespace

std::optional<LoadedSnapshot> load_search(const fs::path& snapshot, const fs::path& journal) {
  // Journals before the snapshot, and the newest first: what a running search may rotate meanwhile
  // is then read twice, never missed.
  std::vector<ReadJournal> journals;
  for (const fs::path& name : kept_names(journal)) {
    try {
      journals.push_back({name, read_journal(name)});
    } catch (const core::IoError& error) {
      if (error.system_error() != ENOENT) throw;  // else it was renamed or never existed
    }
  }
  auto loaded = load_snapshot(snapshot);
  if (!loaded && !journals.empty()) {
    throw core::CheckpointError(journals.front().name, "there is a journal but no snapshot",
                                "evaluations would be lost",
                                "Restore search.h5, or remove the journal to start again.");
  }
  if (!loaded) return std::nullopt;
  Replay replay(loaded->snapshot);
  for (const ReadJournal& one : in_order(std::move(journals), loaded->snapshot.owner.incarnation)) {
    take_journal(one.name, one.bytes, replay, loaded->warnings);
  }
  replay.finish();
  return loaded;
}

}  // namespace hierevo::io
