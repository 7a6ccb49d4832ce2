#include "hierevo/search/run_directory.hpp"

#include <string_view>
#include <utility>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;

namespace {

constexpr const char* configuration_name = "config.ini";
constexpr std::string_view markers[] = {"search.h5"};
constexpr core::Claim claim{"run directory", "--run", markers};

}  // namespace

RunDirectory::RunDirectory(fs::path path)
    : path_(std::move(path)), lock_(core::claim_directory(path_, claim)) {}

std::optional<io::Snapshot> RunDirectory::load() const {
  auto loaded = io::load_snapshot(snapshot_path(path_));
  if (!loaded) return std::nullopt;
  for (const std::string& warning : loaded->warnings) {
    core::log(core::LogLevel::warning, std::string_view(warning));
  }
  return std::move(loaded->snapshot);
}

void RunDirectory::save(const io::Snapshot& snapshot) const {
  io::save_snapshot(snapshot, snapshot_path(path_));
}

std::optional<std::string> RunDirectory::configuration_of(const fs::path& run) {
  if (!core::path_exists(run / configuration_name)) return std::nullopt;
  return core::read_text_file(run / configuration_name);
}

void RunDirectory::save_configuration(const std::string& text) const {
  core::replace_file(path_ / configuration_name, text);
}

void RunDirectory::require_makeable(const fs::path& run) {
  core::require_makeable(run, claim);
}

bool RunDirectory::in_use(const fs::path& run) {
  return core::directory_claimed(run);
}

}  // namespace hierevo::search
