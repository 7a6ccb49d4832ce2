#include "hierevo/core/claim_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/temporary_path.hpp"

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
  throw CheckpointError(path, fmt::format("it is no {}", claim.what), "it holds other files",
                        "Choose a folder that is empty or not there yet.");
}

FileLock locked(const fs::path& path, const Claim& claim, std::chrono::milliseconds patience) {
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
  const auto owner = owner_of(path);
  throw InUseError(path, "another process already works there",
                   owner ? fmt::format("it holds the folder's lock; the last to begin there was {}",
                                       owner->text())
                         : "it holds the folder's lock",
                   "Wait for it or end it, or choose another folder.");
}

}  // namespace

DirectoryClaim::DirectoryClaim(fs::path path, const Claim& claim,
                               std::chrono::milliseconds patience)
    : path_(std::move(path)), claim_(claim), lock_(locked(path_, claim, patience)) {}

void DirectoryClaim::take_over(std::uint64_t above) {
  mark_ = become_owner(path_, above);
  remove_cut_off_writes();
}

void DirectoryClaim::remove_cut_off_writes() const {
  for (const fs::path& path : entries_of(path_)) {
    std::error_code ignored;
    const bool file = fs::is_regular_file(fs::symlink_status(path, ignored));
    if (file && is_temporary_path(path)) fs::remove(path, ignored);
  }
}

void DirectoryClaim::require() const {
  if (!lock_.is_of(path_ / lock_name)) {
    throw IoError(path_, fmt::format("write into the {}", claim_.what),
                  path_exists(path_) ? ESTALE : ENOENT,
                  "It was moved, removed or created again meanwhile: restore it if you can.");
  }
  const std::uint64_t newest = newest_incarnation(path_);
  const bool taken_over = mark_.incarnation != 0 && newest > mark_.incarnation;
  if (!taken_over && lock_.renew()) return;
  const auto owner = taken_over ? owner_of(path_) : std::nullopt;
  throw OwnershipLost(
      path_, fmt::format("another process has taken over this {}", claim_.what),
      owner ? fmt::format("{}, though this one held its lock", owner->text())
            : "it holds the lock that this one had",
      "This process stops and writes nothing more there. The file system's locks do not hold (are "
      "they shared between nodes?): let only one process at a time work there.");
}

void require_makeable(const fs::path& path, const Claim& claim) {
  fs::path nearest = fs::absolute(path).lexically_normal();
  while (!name_is_taken(nearest) && nearest.has_relative_path()) nearest = nearest.parent_path();
  const bool folder = fs::is_directory(nearest);
  if (folder && ::access(nearest.c_str(), W_OK | X_OK) == 0) return;
  throw IoError(path, fmt::format("make the {}", claim.what), folder ? errno : ENOTDIR);
}

bool directory_claimed(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path / lock_name, error)) return false;
  return FileLock::held_elsewhere(path / lock_name);
}

std::string present_state(std::string_view recorded, bool claimed) {
  if (claimed) return "running";
  return recorded == "running" ? "stopped" : std::string(recorded);
}

}  // namespace hierevo::core
