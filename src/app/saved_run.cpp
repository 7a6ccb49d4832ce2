#include "saved_run.hpp"

#include <fmt/format.h>

#include <system_error>

#include "hierevo/search/run_directory.hpp"

namespace hierevo::app {

void require_folder(const std::filesystem::path& run) {
  std::error_code ignored;  // what else is wrong with it is told when it is read
  if (!std::filesystem::exists(run, ignored) || std::filesystem::is_directory(run, ignored)) return;
  throw core::UsageError(fmt::format("--run is '{}', a file", run.string()),
                         "a run is a folder with search.h5 in it",
                         "Give the --run folder of the search.");
}

io::Snapshot read_run(const std::filesystem::path& run) {
  require_folder(run);
  auto snapshot = search::RunDirectory::read(run);
  if (snapshot) return std::move(*snapshot);
  throw no_run_in(run);
}

core::UsageError no_run_in(const std::filesystem::path& run) {
  std::error_code ignored;
  const bool training = std::filesystem::exists(run / "repeat-1", ignored);
  return core::UsageError(fmt::format("There is no run in '{}'", run.string()),
                          "it has no search.h5",
                          training ? "This is the folder of a training: hierevo status shows it."
                                   : "Give the --run folder.");
}

}  // namespace hierevo::app
