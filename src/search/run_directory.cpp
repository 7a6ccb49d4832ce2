#include "hierevo/search/run_directory.hpp"

#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;

namespace {

constexpr const char* configuration_name = "config.ini";
constexpr std::string_view markers[] = {"search.h5"};
constexpr const char* half_trained_folder = "inflight";
constexpr core::Claim claim{"run directory", "--run", markers};

/// Of inflight/.
struct HalfTrainedFile {
  std::uint64_t id = 0;  ///< 0 when it is another file
  bool whole = false;    ///< ID.h5; else what was left of writing it, ID.h5.HOST.PID.tmp
};

HalfTrainedFile half_trained_file(std::string_view name) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc()) return {};
  name.remove_prefix(static_cast<std::size_t>(end - name.data()));
  if (name == ".h5") return {id, true};
  return name.starts_with(".h5.") && name.ends_with(".tmp") ? HalfTrainedFile{id, false}
                                                            : HalfTrainedFile{};
}

/// Those of a run that `choose` chooses. One that cannot be removed does no harm, and is tried
/// again.
template <typename Choose>
void remove_half_trained(const fs::path& run, Choose&& choose) {
  std::error_code error;
  fs::directory_iterator entry(run / half_trained_folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const HalfTrainedFile file = half_trained_file(entry->path().filename().string());
    std::error_code ignored;
    if (file.id != 0 && choose(file)) fs::remove(entry->path(), ignored);
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

fs::path RunDirectory::half_trained_path(const fs::path& run, evolution::IndividualId id) {
  return run / half_trained_folder / (std::to_string(number(id)) + ".h5");
}

void RunDirectory::clean_half_trained(const evolution::EngineState& state) const {
  std::set<std::uint64_t> in_flight;
  for (const auto& candidate : state.in_flight) in_flight.insert(number(candidate.id));
  const std::uint64_t issued = state.history.size() + state.in_flight.size();
  remove_half_trained(path_, [&](const HalfTrainedFile& file) {
    return file.id <= issued && !in_flight.contains(file.id);
  });
}

void RunDirectory::clean_cut_off_writes() const {
  remove_half_trained(path_, [](const HalfTrainedFile& file) { return !file.whole; });
}

void RunDirectory::require_makeable(const fs::path& run) {
  core::require_makeable(run, claim);
}

bool RunDirectory::in_use(const fs::path& run) {
  return core::directory_claimed(run);
}

}  // namespace hierevo::search
