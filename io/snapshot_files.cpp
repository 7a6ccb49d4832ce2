#include "snapshot_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "checksummed_header.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/owner.hpp"
#include "hierevo/io/snapshot.hpp"
#include "run_events.hpp"

namespace hierevo::io {

namespace fs = std::filesystem;

namespace {

/// Whether a file exists, can be read and has all its bytes.
bool is_whole(const fs::path& path, const FileKind& kind) {
  try {
    check_checksummed_header(read_block_file(path, kind), path, kind);
    return true;
  } catch (const NewerVersionError&) {
    return true;
  } catch (const core::Error&) {
    return false;
  }
}

/// The names of a search's snapshots, newest first; but those of lower incarnations come after the
/// newest of the highest.
std::array<fs::path, 3> by_incarnation(const fs::path& path) {
  auto names = kept_names(path);
  std::array<std::uint64_t, 3> found{};
  std::ranges::transform(names, found.begin(), incarnation_in);
  const auto first = std::ranges::max_element(found);
  const bool others_are_newer =
      std::any_of(found.begin(), first, [](std::uint64_t incarnation) { return incarnation > 0; });
  const auto place = names.begin() + (first - found.begin());
  if (others_are_newer) std::rotate(names.begin(), place, place + 1);
  return names;
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

}  // namespace

void rename_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw core::IoError(from, fmt::format("rename to '{}'", to.filename().string()), errno);
  }
}

std::array<fs::path, 3> kept_names(const fs::path& path) {
  return {path, path.string() + ".1", path.string() + ".2"};
}

void keep_earlier_snapshots(const fs::path& path, const FileKind& kind, const LinkCall& link) {
  const auto [newest, earlier, earliest] = kept_names(path);
  // A damaged file must not push out a good one.
  if (!is_whole(newest, kind)) return;
  // The last attempt to save stopped here, say because the disk was full.
  if (same_file(newest, earlier)) return;
  if (core::path_exists(earlier)) rename_file(earlier, earliest);
  if (link(newest.c_str(), earlier.c_str()) != 0) rename_file(newest, earlier);
}

void save_kept(const fs::path& path, const FileKind& kind, std::span<const std::byte> bytes) {
  try {
    keep_earlier_snapshots(path, kind, ::link);
  } catch (const core::IoError& error) {
    // Say, another file has their name: the newest counts more.
    core::log(core::LogLevel::warning, "{} Earlier snapshots are not kept for now.", error.what());
  }
  // If two write where one should, each has a temporary file of its own.
  replace_block_file(path, kind, bytes, core::Writers::several);
}

std::optional<UsedSnapshot> use_newest_snapshot(
    const fs::path& path, std::span<const fs::path> names, const FileKind& kind,
    std::string_view remedy,
    const std::function<void(std::span<const std::byte> bytes, const fs::path& name)>& use) {
  std::vector<std::string> missing;
  std::vector<std::string> unusable;
  bool damaged = false;
  for (const fs::path& name : names) {
    try {
      use(read_block_file(name, kind), name);
      missing.insert(missing.end(), unusable.begin(), unusable.end());
      return UsedSnapshot{name, std::move(missing)};
    } catch (const NewerVersionError&) {
      throw;
    } catch (const core::CheckpointError& error) {
      damaged = true;
      unusable.emplace_back(error.what());
    } catch (const core::IoError& error) {
      const bool absent = error.system_error() == ENOENT;
      (absent ? missing : unusable).emplace_back(error.what());
    }
  }
  if (unusable.empty()) return std::nullopt;
  throw core::CheckpointError(path, "none of its snapshots can be used",
                              fmt::format("{}", fmt::join(unusable, " ")),
                              damaged ? remedy
                                      : "They need not be damaged: fix the cause, and run the "
                                        "same command again.");
}

Snapshot read_snapshot(const fs::path& path) {
  return decode_snapshot(read_block_file(path, snapshot_kind), path);
}

void save_snapshot(const Snapshot& snapshot, const fs::path& path) {
  save_kept(path, snapshot_kind, encode_snapshot(snapshot));
}

std::optional<LoadedSnapshot> load_snapshot(const fs::path& path) {
  const auto load = [&](const std::array<fs::path, 3>& names) {
    return load_newest<LoadedSnapshot>(
        path, names, snapshot_kind,
        "Start in another run directory, or restore a snapshot from a backup.", decode_snapshot);
  };
  auto newest = load(kept_names(path));
  if (!newest) return newest;
  // Usually it is of the last start, and the others need not be read.
  const auto last_start = core::owner_of(path.parent_path());
  const std::uint64_t incarnation = newest->snapshot.owner.incarnation;
  if (last_start && incarnation >= last_start->mark.incarnation) return newest;
  return load(by_incarnation(path));
}

}  // namespace hierevo::io
