#include "saved_run.hpp"

#include <fmt/format.h>

#include "hierevo/search/run_directory.hpp"

namespace hierevo::app {

io::Snapshot read_run(const std::filesystem::path& run) {
  auto snapshot = search::RunDirectory::read(run);
  if (snapshot) return std::move(*snapshot);
  throw no_run_in(run);
}

core::UsageError no_run_in(const std::filesystem::path& run) {
  return core::UsageError(fmt::format("There is no run in '{}'", run.string()),
                          "it has no search.h5", "Give the folder that --run named.");
}

}  // namespace hierevo::app
