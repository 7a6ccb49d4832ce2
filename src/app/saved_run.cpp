#include "saved_run.hpp"

#include <fmt/format.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/search/run_directory.hpp"

namespace hierevo::app {

io::LoadedSnapshot read_run(const std::filesystem::path& run) {
  auto loaded = io::load_snapshot(search::RunDirectory::snapshot_path(run));
  if (!loaded) {
    throw core::UsageError(fmt::format("There is no run in '{}'", run.string()),
                           "it has no search.h5", "Give the folder that --run named.");
  }
  for (const std::string& warning : loaded->warnings) {
    core::log(core::LogLevel::warning, std::string_view(warning));
  }
  return std::move(*loaded);
}

}  // namespace hierevo::app
