#include "hierevo/search/run_directory.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/io/lost_results.hpp"
#include "hierevo/search/data_record.hpp"
#include "hierevo/search/search_progress.hpp"
#include "in_flight_file.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;

namespace {

constexpr const char* configuration_name = "config.ini";
constexpr std::string_view markers[] = {"search.h5"};
constexpr int kept_snapshots = 3;
constexpr core::Claim claim{"run directory", markers};

/// Those of a run's files in flight that `choose` chooses. One that cannot be removed does no harm,
/// and is tried again; `warned` has the folders that were named in the log for it.
template <typename Choose>
void remove_in_flight(const fs::path& run, std::set<fs::path>& warned, Choose&& choose) {
  for (const fs::path& path : core::entries_of(run / in_flight_folder)) {
    const InFlightFile file = in_flight_file(path.filename().string());
    if (file.kind == InFlightFile::Kind::stranger || !choose(file)) continue;
    std::error_code error;
    if (file.kind != InFlightFile::Kind::folder) {
      fs::remove(path, error);
      continue;
    }
    // A program has filled it, with whatever.
    fs::remove_all(path, error);
    if (error && warned.insert(path).second) {
      core::log(core::LogLevel::warning,
                "'{}' of a candidate that has ended cannot be removed ({}). Remove it by hand.",
                path.string(), error.message());
    }
  }
}

}  // namespace

RunDirectory::RunDirectory(fs::path path)
    : path_(std::move(path)), claim_(path_, claim), loaded_(identities()) {}

std::optional<io::Snapshot> RunDirectory::read(const fs::path& run) {
  auto loaded = io::load_search(snapshot_path(run), journal_path(run));
  if (!loaded) return std::nullopt;
  for (const std::string& warning : loaded->warnings) {
    core::log(core::LogLevel::warning, std::string_view(warning));
  }
  return std::move(loaded->snapshot);
}

RunDirectory::Identity RunDirectory::identity_of(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::array<RunDirectory::Identity, 2> RunDirectory::identities() const {
  return {identity_of(snapshot_path(path_)), identity_of(journal_path(path_))};
}

std::optional<io::Snapshot> RunDirectory::load() {
  loaded_ = identities();
  auto snapshot = read(path_);
  if (!snapshot) return std::nullopt;
  incarnation_ = snapshot->owner.incarnation;
  const io::LostResults lost = io::take_up_lost_results(path_, *snapshot);
  if (lost.taken_up > 0) {
    core::log(core::LogLevel::warning,
              "{} results of a start of this search that another had taken over are taken up",
              lost.taken_up);
  }
  for (const auto& [file, count] : lost.left) {
    core::log(core::LogLevel::warning,
              "'{}' has {} results that contradict this search: left there", file.string(), count);
  }
  return snapshot;
}

void RunDirectory::take_over() {
  if (identities() != loaded_) {
    throw core::InUseError(
        path_, "another search writes there",
        "it has written since this one has read it, though its lock is free",
        "Wait for it or end it. Are the file system's locks shared between nodes?");
  }
  claim_.take_over(incarnation_);
}

bool RunDirectory::check() {
  claim_.require();
  const bool ours = !saved_ || *saved_ == identity_of(snapshot_path(path_));
  if (!ours) saves_ = 0;
  return ours;
}

bool RunDirectory::is_in_place() const noexcept {
  try {
    claim_.require();
    return true;
  } catch (const core::Error&) {
    return false;
  }
}

std::unique_ptr<io::Journal> RunDirectory::begin_journal(const io::Snapshot& follows) const {
  claim_.require();
  io::keep_if_lost(journal_path(path_).string() + ".2", path_, follows);
  return std::make_unique<io::Journal>(journal_path(path_), follows);
}

void RunDirectory::save(const io::Snapshot& snapshot) {
  claim_.require();
  if (saves_ < kept_snapshots) {
    io::keep_if_lost(snapshot_path(path_).string() + ".2", path_, snapshot);
  }
  io::save_snapshot(snapshot, snapshot_path(path_));
  saved_ = identity_of(snapshot_path(path_));
  // By then all that are kept have what was taken up.
  if (++saves_ == kept_snapshots) io::remove_found_results(path_, snapshot);
}

std::optional<std::string> RunDirectory::configuration_of(const fs::path& run) {
  if (!core::path_exists(run / configuration_name)) return std::nullopt;
  return core::read_text_file(run / configuration_name);
}

void RunDirectory::save_configuration(const std::string& text) const {
  claim_.require();
  core::replace_file(path_ / configuration_name, text, core::Writers::several);
}

void RunDirectory::save_data(const DataFacts& data) const {
  claim_.require();
  record_data(path_, data, nlohmann::json::object());
}

fs::path RunDirectory::half_trained_path(const fs::path& run, evolution::IndividualId id) {
  return in_flight_path(run, id, InFlightFile::Kind::half_trained);
}

void RunDirectory::clean_in_flight(const evolution::EngineState& state) {
  std::set<evolution::IndividualId> in_flight;
  for (const auto& candidate : state.in_flight) in_flight.insert(candidate.id);
  const std::uint64_t issued = state.history.size() + state.in_flight.size();
  remove_in_flight(path_, not_removed_, [&](const InFlightFile& file) {
    return number(file.id) <= issued && !in_flight.contains(file.id);
  });
}

void RunDirectory::clean_cut_off_writes() {
  remove_in_flight(path_, not_removed_, [](const InFlightFile& file) {
    return file.kind == InFlightFile::Kind::cut_off_write;
  });
}

void RunDirectory::require_makeable(const fs::path& run) {
  core::require_makeable(run, claim);
}

bool RunDirectory::in_use(const fs::path& run) {
  try {
    return core::directory_claimed(run);
  } catch (const core::IoError& error) {
    if (error.system_error() != EACCES) throw;
  }
  // Another user's, whose lock is nobody else's business.
  return is_shown_as_running(run);
}

}  // namespace hierevo::search
