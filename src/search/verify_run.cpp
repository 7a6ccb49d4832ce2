// Every file of a run directory, each for itself and against the search.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/owner.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/io/data_pack.hpp"
#include "hierevo/io/journal.hpp"
#include "hierevo/io/lost_results.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/search/data_record.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/verify.hpp"
#include "in_flight_file.hpp"
#include "load_engine.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;

namespace {

bool names(std::string_view text, const fs::path& path) {
  return text.find(fmt::format("'{}'", path.string())) != std::string_view::npos;
}

using evolution::Candidate;
using evolution::Individual;
using evolution::IndividualId;

std::vector<std::byte> bytes_of(const Individual& individual) {
  core::ByteWriter bytes;
  evolution::write(bytes, individual.candidate);
  evolution::write(bytes, individual.evaluation);
  evolution::write(bytes, individual.evaluation.metrics);
  return bytes.take();
}

class RunCheck {
 public:
  RunCheck(fs::path run, const VerifyOptions& options, bool running)
      : run_(std::move(run)), options_(options), running_(running) {}

  /// Nothing when there is no run.
  std::optional<Verification> check() {
    // Before the search is read, so that it knows the candidates of all that are listed.
    const std::vector<fs::path> in_flight = core::entries_of(run_ / in_flight_folder);
    std::optional<io::LoadedSnapshot> loaded;
    const bool read = guarded(RunDirectory::snapshot_path(run_), [&] {
      loaded = io::load_search(RunDirectory::snapshot_path(run_), RunDirectory::journal_path(run_));
    });
    if (read && !loaded) return std::nullopt;
    check_snapshots();
    if (!loaded && !snapshots_.empty()) {
      loaded = io::LoadedSnapshot{snapshots_.front().second, snapshots_.front().first, {}};
    }
    if (loaded) {
      check_search(*loaded);
      compare_snapshots(loaded->snapshot);
      note_lost_results(loaded->snapshot);
    }
    for (const fs::path& path : in_flight) check_in_flight(path, loaded);
    note_what_is_left();
    check_trainings();
    check_data();
    name_strangers();
    return std::move(found_);
  }

 private:
  void complain(const fs::path& file, std::optional<IndividualId> id, std::string text) {
    // More than one reader reports a snapshot that is passed over.
    for (const Problem& problem : found_.problems) {
      if (problem.text == text && problem.candidate == id) return;
    }
    found_.problems.push_back({file, id, std::move(text)});
  }
  void note(std::string text) { found_.notes.push_back(std::move(text)); }

  /// Whether `read` read `file`; it may have gone since it was seen.
  bool guarded(const fs::path& file, const std::function<void()>& read) {
    try {
      read();
      return true;
    } catch (const core::IoError& error) {
      if (error.system_error() != ENOENT) complain(error.path(), {}, error.what());
    } catch (const core::CheckpointError& error) {
      complain(error.path(), {}, error.what());
    } catch (const core::Error& error) {
      complain(file, {}, error.what());
    }
    return false;
  }

  static std::vector<fs::path> kept(const fs::path& newest) {
    return {newest, newest.string() + ".1", newest.string() + ".2"};
  }
  void check_snapshots();
  void check_search(const io::LoadedSnapshot& loaded);
  void compare_snapshots(const io::Snapshot& search);
  void note_lost_results(const io::Snapshot& search);
  fs::path file_in(std::string_view warning) const;
  void check_in_flight(const fs::path& path, const std::optional<io::LoadedSnapshot>& loaded);
  using IsOf = std::function<bool(const Candidate&)>;
  void check_owner(const fs::path& path, IndividualId id, const IsOf& is_of,
                   const io::Snapshot& search);
  void name_ownerless(const fs::path& path, IndividualId id, const io::Snapshot& search);
  void note_what_is_left();
  void check_trainings();
  void check_data();
  void check_pack(const std::optional<DataFacts>& recorded);
  void name_strangers();
  void name_stranger(const fs::path& path);

  fs::path run_;
  const VerifyOptions& options_;
  bool running_;
  Verification found_;
  std::vector<std::pair<fs::path, io::Snapshot>> snapshots_;  ///< the good ones, newest first
  std::size_t left_of_the_told_ = 0;  ///< files in flight of candidates that have ended
};

void RunCheck::check_snapshots() {
  for (const fs::path& path : kept(RunDirectory::snapshot_path(run_))) {
    guarded(path, [&] {
      snapshots_.emplace_back(path, io::read_snapshot(path));
      ++found_.files;
    });
  }
}

/// Which file a warning of loading speaks of.
fs::path RunCheck::file_in(std::string_view warning) const {
  for (const auto& newest : {RunDirectory::snapshot_path(run_), RunDirectory::journal_path(run_)}) {
    for (const fs::path& path : kept(newest)) {
      if (names(warning, path)) return path;
    }
  }
  return run_;
}

void RunCheck::check_search(const io::LoadedSnapshot& loaded) {
  for (const std::string& warning : loaded.warnings) complain(file_in(warning), {}, warning);
  for (const fs::path& path : kept(RunDirectory::journal_path(run_))) {
    found_.files += core::path_exists(path) ? 1 : 0;
  }
  std::set<IndividualId> in_snapshot;
  for (const auto& [path, snapshot] : snapshots_) {
    if (path != loaded.path) continue;
    for (const auto& individual : snapshot.state.history) {
      in_snapshot.insert(individual.candidate.id);
    }
    for (const Candidate& candidate : snapshot.state.in_flight) in_snapshot.insert(candidate.id);
  }
  if (options_.engine) {
    guarded(run_ / "config.ini",
            [&] { require_same_run(loaded.snapshot.options, *options_.engine, run_); });
  }
  Verification search = verify_search(loaded.snapshot, options_);
  for (Problem& problem : search.problems) {
    const bool snapshot = !problem.candidate || in_snapshot.contains(*problem.candidate);
    problem.file = snapshot ? loaded.path : RunDirectory::journal_path(run_);
  }
  search.problems.insert(search.problems.begin(), found_.problems.begin(), found_.problems.end());
  search.notes.insert(search.notes.begin(), found_.notes.begin(), found_.notes.end());
  search.files = found_.files;
  found_ = std::move(search);
}

/// Each snapshot is the beginning of those that came after it.
void RunCheck::compare_snapshots(const io::Snapshot& search) {
  for (const auto& [path, snapshot] : snapshots_) {
    // What an earlier start wrote after another had taken over is in note_lost_results().
    if (snapshot.owner.incarnation < search.owner.incarnation) continue;
    const auto& earlier = snapshot.state.history;
    const auto& later = search.state.history;
    const std::size_t both = std::min(earlier.size(), later.size());
    for (std::size_t row = 0; row < both; ++row) {
      if (bytes_of(earlier[row]) == bytes_of(later[row])) continue;
      complain(path, earlier[row].candidate.id,
               fmt::format("evaluation {} is another one than in the search as a whole", row + 1));
      break;
    }
  }
}

void RunCheck::note_lost_results(const io::Snapshot& search) {
  io::Snapshot copy = search;
  const io::LostResults lost = io::take_up_lost_results(run_, copy);
  constexpr const char* why =
      "of a start of this search that another one had taken over, as locks "
      "did not keep them apart";
  if (lost.taken_up > 0) {
    note(fmt::format("{} results {}, are not in the search: its next start takes them up",
                     lost.taken_up, why));
  }
  for (const auto& [file, count] : lost.left) {
    note(
        fmt::format("'{}' has {} results {}, that contradict the search (their candidates are "
                    "others there): they stay in this file",
                    file.string(), count, why));
  }
}

void RunCheck::check_in_flight(const fs::path& path,
                               const std::optional<io::LoadedSnapshot>& loaded) {
  using Kind = InFlightFile::Kind;
  const InFlightFile file = in_flight_file(path.filename().string());
  if (file.kind == Kind::cut_off_write || file.kind == Kind::stranger) return name_stranger(path);
  guarded(path, [&] {
    IsOf is_of;
    if (file.kind == Kind::half_trained) {
      const io::TrainingSnapshot training = io::load_training(path);
      is_of = [genotype = training.genotype, seed = training.seed](const Candidate& candidate) {
        return candidate.genotype == genotype && candidate.seed == seed;
      };
    } else if (file.kind == Kind::folder) {
      is_of = [](const Candidate&) { return true; };  // only its program knows what is in it
    } else {
      const auto genotype = genome::genotype_from_json(core::read_text_file(path),
                                                       fmt::format("'{}'", path.string()));
      is_of = [genotype](const Candidate& candidate) { return candidate.genotype == genotype; };
    }
    ++found_.files;
    if (loaded) check_owner(path, file.id, is_of, loaded->snapshot);
  });
}

void RunCheck::check_owner(const fs::path& path, IndividualId id, const IsOf& is_of,
                           const io::Snapshot& search) {
  const auto is_its = [id](const Candidate& candidate) { return candidate.id == id; };
  const auto& in_flight = search.state.in_flight;
  const auto& history = search.state.history;
  const auto waiting = std::find_if(in_flight.begin(), in_flight.end(), is_its);
  const auto told = std::find_if(history.begin(), history.end(),
                                 [&](const Individual& one) { return is_its(one.candidate); });
  if (waiting == in_flight.end() && told == history.end()) return name_ownerless(path, id, search);
  const Candidate& owner = told == history.end() ? *waiting : told->candidate;
  if (!is_of(owner)) return complain(path, id, "its genotype or its seed is not the candidate's");
  // They are removed behind each snapshot: a kill comes before that, and a rank that was considered
  // lost may write later.
  if (told != history.end()) ++left_of_the_told_;
}

void RunCheck::name_ownerless(const fs::path& path, IndividualId id, const io::Snapshot& search) {
  if (number(id) > search.options.evaluations) {
    complain(path, id, "nobody owns it, as there is no such candidate");
  } else {
    note(fmt::format("'{}' is of a candidate that is still to be made", path.string()));
  }
}

void RunCheck::note_what_is_left() {
  if (left_of_the_told_ == 0 || running_) return;
  note(
      fmt::format("{} files are left of candidates whose evaluation has ended, as a kill leaves "
                  "them: the next start removes them",
                  left_of_the_told_));
}

void RunCheck::check_trainings() {
  for (const fs::path& training : core::entries_of(run_)) {
    if (!training.filename().string().starts_with("train-")) continue;
    for (const fs::path& repeat : core::entries_of(training)) {
      for (const fs::path& path : core::entries_of(repeat)) {
        if (path.extension() == ".tmp") name_stranger(path);
        if (path.extension() != ".h5") continue;
        guarded(path, [&] {
          io::load_training(path);
          ++found_.files;
        });
      }
    }
  }
}

/// Where the run trains on a pack, the pack must be of the data that it began with. Other data are
/// read by Torch alone.
void RunCheck::check_data() {
  std::optional<DataFacts> recorded;
  const bool read = guarded(run_, [&] { recorded = recorded_data(run_); });
  found_.files += recorded ? 1 : 0;
  if (read && !recorded && options_.trains) {
    note(
        "There is no data.json, so that other data would not be noticed; the next start writes it");
  }
  check_pack(recorded);
}

void RunCheck::check_pack(const std::optional<DataFacts>& recorded) {
  if (options_.pack.empty()) return;
  if (!core::path_exists(options_.pack)) {
    note(fmt::format("The data '{}' are not there, and not checked", options_.pack.string()));
    return;
  }
  guarded(options_.pack, [&] {
    const data::Dataset pack = io::read_data_pack(options_.pack);
    ++found_.files;
    const std::uint64_t fingerprint = data::fingerprint_of(pack.train);
    if (!recorded || recorded->fingerprint == fingerprint) return;
    complain(options_.pack, {},
             fmt::format("its images, with the fingerprint {}, are not those that the search began "
                         "with: {}",
                         fingerprint_text(fingerprint), description(*recorded)));
  });
}

void RunCheck::name_strangers() {
  static const std::set<std::string> ours = {
      "search.h5", "search.h5.1", "search.h5.2", "journal", "journal.1",
      "journal.2", "config.ini",  "data.json",   "lock",    "progress.json",
      "inflight",  "log",         "ranks.json",  "report",  "restarts"};
  for (const fs::path& path : core::entries_of(run_)) {
    const std::string name = path.filename().string();
    const bool known = ours.contains(name) || name.starts_with("train-") ||
                       core::is_owner_file(name) || io::is_lost_folder(name);
    if (!known) name_stranger(path);
  }
}

void RunCheck::name_stranger(const fs::path& path) {
  // A file that is being written has such a name for a moment.
  if (running_ && path.extension() == ".tmp") return;
  note(fmt::format("'{}' is no file of a run{}", path.string(),
                   path.extension() == ".tmp" ? ": it was left by a write that was cut off" : ""));
}

}  // namespace

std::string Problem::line() const {
  if (!file.empty() && names(text, file)) return text;
  const std::string where = file.empty() ? "" : fmt::format("'{}': ", file.string());
  return where + (candidate ? fmt::format("candidate {}: ", number(*candidate)) : "") + text;
}

std::optional<Verification> verify_run(const fs::path& run, const VerifyOptions& options) {
  // What a search changes while it is read may look wrong once, but not again and again.
  constexpr int most_attempts = 3;
  for (int attempt = 1;; ++attempt) {
    const bool running = RunDirectory::in_use(run);
    auto found = RunCheck(run, options, running).check();
    if (!found || found->problems.empty() || !running || attempt == most_attempts) {
      if (found && running) found->notes.insert(found->notes.begin(), "A search runs here");
      return found;
    }
  }
}

}  // namespace hierevo::search
