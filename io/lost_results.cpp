#include "hierevo/io/lost_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/io/journal.hpp"
#include "journal_format.hpp"
#include "run_events.hpp"
#include "snapshot_files.hpp"

namespace hierevo::io {

namespace fs = std::filesystem;

namespace {

using evolution::Candidate;
using evolution::IndividualId;

constexpr std::string_view lost_prefix = "lost-";
constexpr std::size_t token_digits = 16;

/// The candidates that a search has results for.
using ToldCandidates = std::unordered_map<IndividualId, std::uint32_t>;

ToldCandidates told_in(const evolution::EngineState& state) {
  ToldCandidates told;
  for (const auto& [candidate, evaluation] : state.history) {
    told.emplace(candidate.id, checksum_of(candidate));
  }
  return told;
}

/// Whether the search has a result for this candidate: the first one counts.
bool has(const ToldCandidates& told, const Told& result) {
  const auto found = told.find(result.id);
  return found != told.end() && found->second == result.candidate;
}

std::size_t lacking(const std::vector<Event>& events, const ToldCandidates& known) {
  return static_cast<std::size_t>(std::ranges::count_if(events, [&](const Event& event) {
    const Told* told = std::get_if<Told>(&event);
    return told != nullptr && !has(known, *told);
  }));
}

/// A search that accepts what does not contradict it.
class Search {
 public:
  explicit Search(evolution::EngineState& state) : state_(state), told_(told_in(state)) {
    for (Candidate& candidate : state_.in_flight) {
      in_flight_.emplace(candidate.id, std::move(candidate));
    }
    state_.in_flight.clear();
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  ~Search() {
    for (auto& [id, candidate] : in_flight_) state_.in_flight.push_back(std::move(candidate));
  }

  /// Returns how many results it accepted. Candidates are only accepted as long as all before was
  /// the same here, as they were made from it.
  std::size_t take(const Events& file) {
    std::size_t taken = 0;
    std::size_t place = file.follows ? file.follows->told : 0;
    bool same_so_far = !file.follows || agrees_with(*file.follows);
    for (const Event& event : file.events) {
      const auto* candidate = std::get_if<Candidate>(&event);
      if (candidate != nullptr && same_so_far) take(*candidate);
      const auto* told = std::get_if<Told>(&event);
      if (told == nullptr) continue;
      taken += take(*told) ? 1 : 0;
      same_so_far = same_so_far && is_at(place++, *told);
    }
    return taken;
  }

  const ToldCandidates& told() const { return told_; }

 private:
  bool agrees_with(const JournalHeader& follows) const {
    if (follows.told > state_.history.size() || !follows.digest) return false;
    std::vector<Candidate> in_flight;
    for (const auto& [id, candidate] : in_flight_) in_flight.push_back(candidate);
    return *follows.digest == digest_of(state_.history, in_flight, follows.asked, follows.told);
  }

  bool is_at(std::size_t place, const Told& result) const {
    if (place >= state_.history.size()) return false;
    const auto& [candidate, evaluation] = state_.history[place];
    return candidate.id == result.id && checksum_of(evaluation) == checksum_of(result.evaluation);
  }

  /// The next candidate, if it is what this search would have made now.
  void take(const Candidate& candidate) {
    const bool next = number(candidate.id) == told_.size() + in_flight_.size() + 1 &&
                      candidate.known == state_.history.size();
    if (next && (!candidate.parent || told_.contains(*candidate.parent))) {
      in_flight_.emplace(candidate.id, candidate);
    }
  }

  /// False where its candidate is not in flight.
  bool take(const Told& result) {
    const auto waiting = in_flight_.find(result.id);
    if (waiting == in_flight_.end() || checksum_of(waiting->second) != result.candidate) {
      return false;
    }
    state_.history.push_back({std::move(waiting->second), result.evaluation});
    in_flight_.erase(waiting);
    told_.emplace(result.id, result.candidate);
    return true;
  }

  evolution::EngineState& state_;
  ToldCandidates told_;
  std::map<IndividualId, Candidate> in_flight_;
};

/// A snapshot or a journal, by its name: NAME or NAME.K.
bool is_kept_file(const fs::path& path) {
  std::string name = path.filename().string();
  const std::size_t dot = name.find_last_not_of("0123456789");
  if (dot != std::string::npos && dot + 1 < name.size() && name[dot] == '.') name.resize(dot);
  return name == "search.h5" || name == "journal";
}

std::vector<fs::path> lost_folders(const fs::path& run) {
  std::vector<fs::path> folders = core::entries_of(run);
  std::erase_if(folders, [](const fs::path& path) {
    std::error_code unknown;  // a link is not followed
    return !is_lost_folder(path.filename().string()) ||
           !fs::is_directory(fs::symlink_status(path, unknown));
  });
  return folders;
}

/// Events that other starts of the search wrote, by file.
std::map<fs::path, Events> results_of_others(const fs::path& run, const Snapshot& search) {
  std::map<fs::path, Events> found;
  const auto look_at = [&](const fs::path& file) {
    if (!is_kept_file(file)) return;
    if (auto events = events_in(file, search.options)) found.emplace(file, std::move(*events));
  };
  for (const fs::path& file : core::entries_of(run)) {
    if (is_kept_file(file) && incarnation_in(file) < search.owner.incarnation) look_at(file);
  }
  for (const fs::path& folder : lost_folders(run))
    std::ranges::for_each(core::entries_of(folder), look_at);
  return found;
}

fs::path lost_folder(const fs::path& run, const core::OwnerMark& owner) {
  return run / fmt::format("{}{}", lost_prefix, core::token_text(owner));
}

fs::path made_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) throw core::IoError(folder, "make", error.value());
  core::sync_folder_of(folder);
  return folder;
}

}  // namespace

bool is_lost_folder(std::string_view name) {
  if (!name.starts_with(lost_prefix)) return false;
  const std::string_view token = name.substr(lost_prefix.size());
  return token.size() == token_digits &&
         token.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

LostResults take_up_lost_results(const fs::path& run, Snapshot& search) {
  LostResults results;
  const auto files = results_of_others(run, search);
  Search known(search.state);
  std::size_t before = 0;
  do {  // what one file has may follow from another's
    before = results.taken_up;
    for (const auto& [file, events] : files) results.taken_up += known.take(events);
  } while (results.taken_up > before);
  for (const auto& [file, events] : files) {
    const std::size_t missing = lacking(events.events, known.told());
    if (missing > 0) results.left[file] = missing;
  }
  return results;
}

namespace {

/// How many results the search in `run` lacks; all where it cannot be read.
std::size_t lacking_in(const fs::path& run, const Snapshot& own) {
  try {
    const auto now = load_search(run / "search.h5", run / "journal");
    if (now) return lacking(events_of(own).events, told_in(now->snapshot.state));
  } catch (const core::Error&) {
  }
  return own.state.history.size();
}

}  // namespace

std::string keep_lost_results(const fs::path& run, const Snapshot& own) {
  const std::size_t missing = lacking_in(run, own);
  if (missing == 0) return "The search there has all its results.";
  const auto bytes = encode_snapshot(own);  // first: it is slow, and an empty folder may be removed
  fs::path file;
  for (int attempts = 3; attempts > 0; --attempts) {
    file = made_folder(lost_folder(run, own.owner)) / "search.h5";
    try {
      core::replace_file(file, bytes);
      break;
    } catch (const core::IoError& error) {
      // The owner has just removed this folder, having all its results.
      if (error.system_error() != ENOENT || attempts == 1) throw;
    }
  }
  return fmt::format("{} results that the search lacks are kept in '{}'.", missing, file.string());
}

void keep_if_lost(const fs::path& file, const fs::path& run, const Snapshot& search) {
  if (!core::path_exists(file)) return;
  const std::uint64_t incarnation = incarnation_in(file);
  if (incarnation == 0 || incarnation >= search.owner.incarnation) return;
  const auto found = events_in(file, search.options);
  if (!found || lacking(found->events, told_in(search.state)) == 0) return;
  const fs::path folder = made_folder(lost_folder(run, found->owner));
  const std::string kind = is_journal(file) ? "journal" : "search.h5";
  for (int copy = 0;; ++copy) {
    const fs::path place = folder / (copy == 0 ? kind : fmt::format("{}.{}", kind, copy));
    if (core::path_exists(place)) continue;
    rename_file(file, place);
    core::sync_folder_of(place);
    return;
  }
}

void remove_found_results(const fs::path& run, const Snapshot& search) {
  const std::vector<fs::path> folders = lost_folders(run);
  if (folders.empty()) return;
  const ToldCandidates told = told_in(search.state);
  for (const fs::path& folder : folders) {
    bool removed = false;  // an empty one may be about to be filled
    for (const fs::path& file : core::entries_of(folder)) {
      if (!is_kept_file(file)) continue;
      const auto found = events_in(file, search.options);
      std::error_code ignored;
      if (!found || lacking(found->events, told) > 0) continue;
      removed = fs::remove(file, ignored) || removed;
    }
    std::error_code not_empty;  // where something else is there, or has just arrived
    if (removed) fs::remove(folder, not_empty);
  }
}

}  // namespace hierevo::io
