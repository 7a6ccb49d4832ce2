#pragma once

#include <array>
#include <filesystem>
#include <functional>

namespace hierevo::io {

/// PATH, PATH.1 and PATH.2: where snapshots, and journals, lie, newest first.
std::array<std::filesystem::path, 3> kept_names(const std::filesystem::path& path);

/// Throws IoError.
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// link(2); tests give one that fails.
using LinkCall = std::function<int(const char* from, const char* to)>;

/// Makes PATH.1 and PATH.2 of the two newest snapshots, so that PATH may be replaced. At every step
/// at least one complete snapshot has a name; PATH itself keeps it unless the file system has no
/// hard links. Doing it twice without a new snapshot between changes nothing. Throws IoError.
void keep_earlier_snapshots(const std::filesystem::path& path, const LinkCall& link);

}  // namespace hierevo::io
