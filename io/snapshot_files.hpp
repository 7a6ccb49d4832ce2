#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checksummed_header.hpp"

namespace hierevo::io {

/// PATH, PATH.1 and PATH.2: the names of snapshots, and of journals, newest first.
std::array<std::filesystem::path, 3> kept_names(const std::filesystem::path& path);

/// Throws IoError.
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// link(2); tests pass one that fails.
using LinkCall = std::function<int(const char* from, const char* to)>;

/// Makes PATH.1 and PATH.2 of the two newest snapshots, so that PATH may be replaced. At every step
/// at least one complete snapshot has a name; PATH itself keeps it unless the file system has no
/// hard links. Doing it twice without a new snapshot in between changes nothing. Throws IoError.
void keep_earlier_snapshots(const std::filesystem::path& path, const FileKind& kind,
                            const LinkCall& link);

/// keep_earlier_snapshots(), then PATH is replaced by `bytes`. Throws IoError.
void save_kept(const std::filesystem::path& path, const FileKind& kind,
               std::span<const std::byte> bytes);

/// Which of PATH, PATH.1 and PATH.2 was used, and what was skipped.
struct UsedSnapshot {
  std::filesystem::path path;
  std::vector<std::string> warnings;
};

/// Passes the snapshots `names` of `path` to `use`, in this order, until it accepts one: it throws
/// CheckpointError for one that is none. Nothing when none of the files exists; throws
/// CheckpointError, with `remedy` for damaged ones, when there are some and none is good, or when
/// one that would be the newest is from a newer version. Changes no file.
std::optional<UsedSnapshot> use_newest_snapshot(
    const std::filesystem::path& path, std::span<const std::filesystem::path> names,
    const FileKind& kind, std::string_view remedy,
    const std::function<void(std::span<const std::byte> bytes, const std::filesystem::path& name)>&
        use);

/// The same, and returns what `decode` makes of a snapshot, its path and the warnings as a
/// `Loaded`.
template <typename Loaded, typename Decode>
std::optional<Loaded> load_newest(const std::filesystem::path& path,
                                  std::span<const std::filesystem::path> names,
                                  const FileKind& kind, std::string_view remedy, Decode decode) {
  std::optional<decltype(Loaded::snapshot)> snapshot;
  auto used =
      use_newest_snapshot(path, names, kind, remedy,
                          [&](std::span<const std::byte> bytes, const std::filesystem::path& name) {
                            snapshot = decode(bytes, name);
                          });
  if (!used) return std::nullopt;
  return Loaded{std::move(*snapshot), std::move(used->path), std::move(used->warnings)};
}

}  // namespace hierevo::io
