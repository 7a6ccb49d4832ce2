#include "hierevo/core/claim_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::core {

namespace fs = std::filesystem;

namespace {

constexpr const char* lock_name = "lock";

void refuse_foreign(const fs::path& path, const Claim& claim) {
  std::error_code error;
  const auto there = [&](std::string_view name) { return fs::exists(path / name, error); };
  // In this order: another process may make the lock meanwhile.
  if (fs::is_empty(path, error) || there(lock_name)) return;
  if (std::any_of(claim.markers.begin(), claim.markers.end(), there)) return;
  throw CheckpointError(
      path, fmt::format("it is no {}", claim.what), "it holds other files",
      fmt::format("Choose a folder that is empty or not there yet for {}.", claim.option));
}

}  // namespace

FileLock claim_directory(const fs::path& path, const Claim& claim,
                         std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds pause(10);
  const Clock::time_point end = Clock::now() + patience;
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw IoError(path, fmt::format("make the {}", claim.what), error.value());
  refuse_foreign(path, claim);
  while (true) {
    if (auto lock = FileLock::try_acquire(path / lock_name)) return std::move(*lock);
    if (Clock::now() >= end) break;
    std::this_thread::sleep_for(pause);
  }
  throw InUseError(path, "another process already works there", "it holds the folder's lock",
                   fmt::format("Wait for it, or choose another {}.", claim.option));
}

void require_claimed(const fs::path& path, const Claim& claim, const FileLock& lock) {
  if (lock.is_of(path / lock_name)) return;
  throw IoError(path, fmt::format("write into the {}", claim.what),
                path_exists(path) ? ESTALE : ENOENT,
                "It was moved, removed or made anew meanwhile: bring it back if you can.");
}

void require_makeable(const fs::path& path, const Claim& claim) {
  fs::path nearest = fs::absolute(path).lexically_normal();
  while (!path_exists(nearest) && nearest.has_relative_path()) nearest = nearest.parent_path();
  const bool folder = fs::is_directory(nearest);
  if (folder && ::access(nearest.c_str(), W_OK | X_OK) == 0) return;
  throw IoError(path, fmt::format("make the {}", claim.what), folder ? errno : ENOTDIR);
}

bool directory_claimed(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path / lock_name, error)) return false;
  return FileLock::held_elsewhere(path / lock_name);
}

}  // namespace hierevo::core
