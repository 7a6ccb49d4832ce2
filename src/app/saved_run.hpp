#pragma once

#include <filesystem>

#include "hierevo/core/error.hpp"
#include "hierevo/io/snapshot.hpp"

namespace hierevo::app {

/// A run at its last moment, also while its search runs; warnings go to the log. Throws UsageError
/// when there is no run, CheckpointError when it cannot be read.
io::Snapshot read_run(const std::filesystem::path& run);

/// Throws UsageError when `run` is no folder but a file.
void require_folder(const std::filesystem::path& run);

/// The error of a folder without a run.
core::UsageError no_run_in(const std::filesystem::path& run);

}  // namespace hierevo::app
