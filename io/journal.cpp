#include "hierevo/io/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/evolution/codec.hpp"
#include "snapshot_files.hpp"
#include "text_block.hpp"

namespace hierevo::io {

namespace fs = std::filesystem;

namespace {

using evolution::IndividualId;

constexpr std::uint64_t version = 1;
constexpr std::string_view first_line = "hierevo journal 1\n";
constexpr std::string_view first_words = "hierevo journal ";
/// Length and checksum in front of a record.
constexpr std::size_t record_head = 8;
constexpr std::size_t longest_record = std::size_t{1} << 20;

enum class Kind : std::uint8_t { asked = 1, told = 2 };

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// `path`, where nothing is any more: what was there and before has the next name.
const fs::path& made_free(const fs::path& path) {
  const auto [newest, earlier, earliest] = kept_names(path);
  if (core::path_exists(earlier)) rename_file(earlier, earliest);
  if (core::path_exists(newest)) rename_file(newest, earlier);
  return path;
}

template <typename Write>
void append_record(std::vector<std::byte>& to, Kind kind, Write&& write) {
  core::ByteWriter body;
  body.u8(static_cast<std::uint8_t>(kind));
  write(body);
  const std::vector<std::byte> bytes = body.take();
  core::ByteWriter head;
  head.u32(static_cast<std::uint32_t>(bytes.size()));
  head.u32(core::crc32c(bytes));
  const std::vector<std::byte> front = head.take();
  to.insert(to.end(), front.begin(), front.end());
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// Whole records of a journal, one after another.
class Records {
 public:
  explicit Records(std::span<const std::byte> rest) : rest_(rest) {}

  /// Nothing at the end, in front of an incomplete record, and in front of a damaged one.
  std::optional<std::span<const std::byte>> next() {
    if (rest_.size() < record_head) return std::nullopt;
    core::ByteReader head(rest_.first(record_head));
    const std::size_t length = head.u32();
    const std::uint32_t checksum = head.u32();
    if (length > longest_record) return damaged();
    if (rest_.size() - record_head < length) return std::nullopt;
    const auto body = rest_.subspan(record_head, length);
    if (core::crc32c(body) != checksum) return damaged();
    rest_ = rest_.subspan(record_head + length);
    return body;
  }

  bool is_damaged() const { return damaged_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::optional<std::span<const std::byte>> damaged() {
    damaged_ = true;
    return std::nullopt;
  }

  std::span<const std::byte> rest_;
  bool damaged_ = false;
};

/// A state that takes in events.
class Replay {
 public:
  Replay(const genome::SearchSpace& space, evolution::EngineState& state)
      : space_(space), state_(state) {
    for (const auto& individual : state.history) known_.insert(individual.candidate.id);
    for (auto& candidate : state.in_flight) {
      known_.insert(candidate.id);
      in_flight_.emplace(candidate.id, std::move(candidate));
    }
  }

  /// False for an event that cannot follow on what is known.
  bool take(std::span<const std::byte> record) {
    core::ByteReader in(record);
    const auto kind = static_cast<Kind>(in.u8());
    if (kind == Kind::asked) return take_asked(in);
    return kind == Kind::told && take_told(in);
  }

  void finish() {
    state_.in_flight.clear();
    for (auto& [id, candidate] : in_flight_) state_.in_flight.push_back(std::move(candidate));
  }

 private:
  bool take_asked(core::ByteReader& in) {
    auto candidate = evolution::read_candidate(in, space_);
    if (!candidate || !in.at_end()) return false;
    if (known_.contains(candidate->id)) return true;
    // Candidates are numbered without a gap: events between would be missing.
    if (number(candidate->id) != known_.size() + 1) return false;
    known_.insert(candidate->id);
    in_flight_.emplace(candidate->id, std::move(*candidate));
    return true;
  }

  bool take_told(core::ByteReader& in) {
    const IndividualId id{in.u64()};
    auto evaluation = evolution::read_evaluation(in);
    if (!evaluation || !in.at_end() || !known_.contains(id)) return false;
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) return true;  // it is in the history
    state_.history.push_back({std::move(found->second), std::move(*evaluation)});
    in_flight_.erase(found);
    return true;
  }

  const genome::SearchSpace& space_;
  evolution::EngineState& state_;
  std::set<IndividualId> known_;
  std::map<IndividualId, evolution::Candidate> in_flight_;
};

/// Behind the first line. Nothing for a file that a crash left before that was written.
std::optional<std::span<const std::byte>> records_in(std::span<const std::byte> bytes,
                                                     const fs::path& path) {
  const std::size_t common = std::min(bytes.size(), first_line.size());
  const std::string_view begin(reinterpret_cast<const char*>(bytes.data()), common);
  if (begin == first_line) return bytes.subspan(first_line.size());
  if (first_line.starts_with(begin)) return std::nullopt;
  if (begin.starts_with(first_words)) {
    std::uint64_t found = 0;
    std::from_chars(begin.data() + first_words.size(), begin.data() + begin.size(), found);
    if (found > version) throw NewerVersionError(path, "", found, version);
  }
  throw core::CheckpointError(path, "it is not a journal of hierevo");
}

/// A warning when damage cuts it short.
std::string take_journal(const fs::path& path, std::span<const std::byte> bytes, Replay& replay) {
  const auto content = records_in(bytes, path);
  if (!content) return "";
  Records records(*content);
  bool follows = true;
  while (follows) {
    const auto record = records.next();
    if (!record) break;
    follows = replay.take(*record);
  }
  if (follows && !records.is_damaged()) return "";
  return core::error_text(
      fmt::format("'{}': what it has behind byte {} is not used", path.string(),
                  bytes.size() - records.left()),
      follows ? "a record is damaged" : "a record does not follow on those before");
}

}  // namespace

Journal::Journal(const fs::path& path) : file_(made_free(path)) {
  file_.append(bytes_of(first_line));
  core::sync_folder_of(path);
}

void Journal::asked(const evolution::Candidate& candidate) {
  append_record(pending_, Kind::asked,
                [&](core::ByteWriter& out) { evolution::write(out, candidate); });
}

void Journal::told(IndividualId id, const evolution::Evaluation& evaluation) {
  append_record(pending_, Kind::told, [&](core::ByteWriter& out) {
    out.u64(number(id));
    evolution::write(out, evaluation);
  });
}

void Journal::write() {
  if (pending_.empty()) return;
  const std::vector<std::byte> bytes = std::exchange(pending_, {});
  file_.append(bytes);
}

std::optional<LoadedSnapshot> load_search(const fs::path& snapshot, const fs::path& journal) {
  // Journals before the snapshot, and the newest first: what a search that runs may rotate
  // meanwhile is then read twice, never missed.
  std::vector<std::pair<fs::path, std::vector<std::byte>>> journals;
  for (const fs::path& name : kept_names(journal)) {
    try {
      journals.emplace_back(name, core::read_file(name));
    } catch (const core::IoError& error) {
      if (error.system_error() != ENOENT) throw;  // else it has the next name by now, or is none
    }
  }
  auto loaded = load_snapshot(snapshot);
  if (!loaded && !journals.empty()) {
    throw core::CheckpointError(journals.front().first, "there is a journal but no snapshot",
                                "evaluations would be lost",
                                "Bring search.h5 back, or take the journal away to begin anew.");
  }
  if (!loaded) return std::nullopt;
  Replay replay(loaded->snapshot.options.space, loaded->snapshot.state);
  for (auto name = journals.rbegin(); name != journals.rend(); ++name) {
    const std::string warning = take_journal(name->first, name->second, replay);
    if (!warning.empty()) loaded->warnings.push_back(warning);
  }
  replay.finish();
  return loaded;
}

}  // namespace hierevo::io
