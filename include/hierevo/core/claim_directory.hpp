#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "hierevo/core/file.hpp"
#include "hierevo/core/owner.hpp"

namespace hierevo::core {

/// A folder that one process works in at a time.
struct Claim {
  std::string_view what;                      ///< "run directory"
  std::span<const std::string_view> markers;  ///< files of which one is in every such folder
};

/// A folder that this process works in, held by a lock until this is destroyed. Locks can lie: some
/// file systems do not share them between nodes, or lose them while their holder sleeps. So whoever
/// writes becomes the owner by a numbered file besides, and looks again and again whether somebody
/// else has become it since. Move-only. Belongs to one thread, but any may call require().
class DirectoryClaim {
 public:
  /// Makes the folder when it is not there, and locks it. Throws InUseError when another process
  /// holds it, for longer than `patience`, and CheckpointError when it has files but none of the
  /// markers: nothing is written between files of somebody else's. Throws IoError when it cannot be
  /// used.
  DirectoryClaim(std::filesystem::path path, const Claim& claim,
                 std::chrono::milliseconds patience = {});

  /// Becomes the owner (become_owner()), and removes what processes that were killed left of their
  /// writes (temporary_path()). Throws IoError.
  void take_over(std::uint64_t above = 0);
  /// The latter alone, for a folder whose lock nobody keeps for long.
  void remove_cut_off_writes() const;
  /// {0, 0} before take_over().
  const OwnerMark& mark() const { return mark_; }

  /// Throws IoError when the folder is no longer the one that is locked: moved, removed or
  /// created again, maybe for another process; and OwnershipLost when another process has become
  /// its owner or holds its lock.
  void require() const;

 private:
  std::filesystem::path path_;
  Claim claim_;
  FileLock lock_;
  OwnerMark mark_;
};

/// Throws IoError when the folder, which is not there, could not be made either. Writes nothing.
void require_makeable(const std::filesystem::path& path, const Claim& claim);

/// Whether some process holds the folder at this moment. Also for folders of other kinds: false.
/// Throws IoError when that cannot be known, say of another user's folder (EACCES).
bool directory_claimed(const std::filesystem::path& path);

/// The state of work in a folder, of which it has recorded `recorded`: "running" while a process
/// holds the folder (`claimed`), "stopped" where one that was killed has left "running" behind.
std::string present_state(std::string_view recorded, bool claimed);

}  // namespace hierevo::core
