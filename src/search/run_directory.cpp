#include "hierevo/search/run_directory.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/search/data_record.hpp"
#include "in_flight_file.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;

namespace {

constexpr const char* configuration_name = "config.ini";
constexpr std::string_view markers[] = {"search.h5"};
constexpr core::Claim claim{"run directory", "--run", markers};

/// Those of a run's files in flight that `choose` chooses. One that cannot be removed does no harm,
/// and is tried again.
template <typename Choose>
void remove_in_flight(const fs::path& run, Choose&& choose) {
  std::error_code error;
  fs::directory_iterator entry(run / in_flight_folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const InFlightFile file = in_flight_file(entry->path().filename().string());
    std::error_code ignored;
    if (file.kind != InFlightFile::Kind::stranger && choose(file)) {
      fs::remove(entry->path(), ignored);
    }
  }
}

}  // namespace

RunDirectory::RunDirectory(fs::path path)
    : path_(std::move(path)), lock_(core::claim_directory(path_, claim)) {}

std::optional<io::Snapshot> RunDirectory::read(const fs::path& run) {
  auto loaded = io::load_search(snapshot_path(run), journal_path(run));
  if (!loaded) return std::nullopt;
  for (const std::string& warning : loaded->warnings) {
    core::log(core::LogLevel::warning, std::string_view(warning));
  }
  return std::move(loaded->snapshot);
}

void RunDirectory::require_claimed() const {
  core::require_claimed(path_, claim, lock_);
}

bool RunDirectory::is_in_place() const noexcept {
  try {
    require_claimed();
    return true;
  } catch (const core::IoError&) {
    return false;
  }
}

std::unique_ptr<io::Journal> RunDirectory::begin_journal(const io::Snapshot& follows) const {
  require_claimed();
  return std::make_unique<io::Journal>(journal_path(path_), follows);
}

void RunDirectory::save(const io::Snapshot& snapshot) const {
  require_claimed();
  io::save_snapshot(snapshot, snapshot_path(path_));
}

std::optional<std::string> RunDirectory::configuration_of(const fs::path& run) {
  if (!core::path_exists(run / configuration_name)) return std::nullopt;
  return core::read_text_file(run / configuration_name);
}

void RunDirectory::save_configuration(const std::string& text) const {
  require_claimed();
  core::replace_file(path_ / configuration_name, text);
}

void RunDirectory::save_data(const DataFacts& data) const {
  require_claimed();
  record_data(path_, data, nlohmann::json::object());
}

fs::path RunDirectory::half_trained_path(const fs::path& run, evolution::IndividualId id) {
  return in_flight_path(run, id, InFlightFile::Kind::half_trained);
}

void RunDirectory::clean_in_flight(const evolution::EngineState& state) const {
  std::set<evolution::IndividualId> in_flight;
  for (const auto& candidate : state.in_flight) in_flight.insert(candidate.id);
  const std::uint64_t issued = state.history.size() + state.in_flight.size();
  remove_in_flight(path_, [&](const InFlightFile& file) {
    return number(file.id) <= issued && !in_flight.contains(file.id);
  });
}

void RunDirectory::clean_cut_off_writes() const {
  remove_in_flight(path_, [](const InFlightFile& file) {
    return file.kind == InFlightFile::Kind::cut_off_write;
  });
}

void RunDirectory::require_makeable(const fs::path& run) {
  core::require_makeable(run, claim);
}

bool RunDirectory::in_use(const fs::path& run) {
  return core::directory_claimed(run);
}

}  // namespace hierevo::search
