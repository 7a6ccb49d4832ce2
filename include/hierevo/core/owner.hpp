#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace hierevo::core {

/// No start is given a higher number; files that say so are not taken seriously.
inline constexpr std::uint64_t highest_incarnation = std::uint64_t{1} << 62;

/// Which start of a program a folder, or a file in it, belongs to.
struct OwnerMark {
  std::uint64_t incarnation = 0;  ///< grows from start to start, never given twice; 0: not recorded
  std::uint64_t token = 0;        ///< random

  bool operator==(const OwnerMark&) const = default;
};

/// The token as 16 hexadecimal digits, as it stands in files and names.
std::string token_text(const OwnerMark& mark);

/// Who works in a folder, or was the last to begin there: FOLDER/owner-N, N being the incarnation,
/// lines of `name = value`. The highest N counts.
struct Owner {
  OwnerMark mark;
  std::string host;
  std::string pid;
  std::string job;      ///< Slurm's number; empty outside Slurm
  std::string started;  ///< UTC, 2026-11-29T20:18:00Z

  /// "process 123 on n1, Slurm job 77, since 2026-11-29T20:18:00Z"
  std::string text() const;
};

/// The last that became the owner. Nothing where none is recorded; what of the file cannot be read
/// is empty.
std::optional<Owner> owner_of(const std::filesystem::path& folder);

/// The incarnation of owner_of(); 0 where none is recorded. Throws IoError.
std::uint64_t newest_incarnation(const std::filesystem::path& folder);

/// Makes this process the owner, with an incarnation above `above` and above all that are recorded:
/// of processes that do so at the same moment each gets one of its own. Throws IoError.
OwnerMark become_owner(const std::filesystem::path& folder, std::uint64_t above);

/// Whether `name` is that of a file of ownership.
bool is_owner_file(std::string_view name);

}  // namespace hierevo::core
