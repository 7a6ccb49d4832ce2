#include "hierevo/search/run_directory.hpp"

#include <fmt/format.h>

#include <system_error>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;

namespace {

constexpr const char* lock_name = "lock";
constexpr const char* configuration_name = "config.ini";

/// A folder with files of somebody else's is never written to.
void refuse_foreign(const fs::path& path) {
  std::error_code error;
  const bool ours =
      fs::exists(path / lock_name, error) || fs::exists(RunDirectory::snapshot_path(path), error);
  if (!ours && !fs::is_empty(path, error)) {
    throw core::UsageError(fmt::format("'{}' is no run directory", path.string()),
                           "it holds other files",
                           "Choose a folder that is empty or not there yet for --run.");
  }
}

core::FileLock make_and_lock(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw core::IoError(path, "make the run directory", error.value());
  refuse_foreign(path);
  if (auto lock = core::FileLock::try_acquire(path / lock_name)) return std::move(*lock);
  throw core::UsageError(fmt::format("A search already runs in '{}'", path.string()),
                         "another process holds its lock",
                         "Wait for it, or choose another --run. `hierevo status` shows it.");
}

}  // namespace

RunDirectory::RunDirectory(fs::path path) : path_(std::move(path)), lock_(make_and_lock(path_)) {}

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
  if (!fs::exists(run / configuration_name)) return std::nullopt;
  return core::read_text_file(run / configuration_name);
}

void RunDirectory::save_configuration(const std::string& text) const {
  core::replace_file(path_ / configuration_name, text);
}

bool RunDirectory::in_use(const fs::path& run) {
  const fs::path lock = run / lock_name;
  std::error_code error;
  if (!fs::exists(lock, error)) return false;
  return core::FileLock::held_elsewhere(lock);
}

}  // namespace hierevo::search
