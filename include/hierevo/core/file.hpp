#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::core {

/// Who may replace a file at one time.
enum class Writers : std::uint8_t {
  one,      ///< writes PATH.tmp first, in the place of what a killed process left of it
  several,  ///< processes, also on several hosts, each with its own temporary_path()
};

/// Replaces `path` by `contents` so that at every moment, also after a crash or a power cut, the
/// file has its old contents or the new ones: a temporary file in the same folder is written,
/// synced and renamed, then the folder is synced. Throws IoError; unless it was the last sync that
/// failed, the old file is then untouched.
void replace_file(const std::filesystem::path& path, std::span<const std::byte> contents,
                  Writers writers = Writers::one);
/// The same for a text.
void replace_file(const std::filesystem::path& path, std::string_view contents,
                  Writers writers = Writers::one);

/// The same for what people look at while a process runs: without a sync, so that after a power cut
/// the file may be empty. One process at a time may write it.
void replace_file_unsynced(const std::filesystem::path& path, std::string_view contents);

/// Opens a file of hierevo's own to append to it and to read what is in it; makes it when needed.
/// Throws IoError, also where a link is in its place: that could lead to any file.
Descriptor open_to_append(const std::filesystem::path& path);

/// Writes all of `contents` to a descriptor of the file `path`. Throws IoError; a part may then be
/// written.
void write_all(int descriptor, const std::filesystem::path& path,
               std::span<const std::byte> contents);

/// Gives the whole file `temporary` its name, `path` in the same folder: it is synced, renamed, and
/// the folder is synced. Never replaces a file: throws IoError (EEXIST) when there is one.
void publish_file(const std::filesystem::path& temporary, const std::filesystem::path& path);

/// After a power cut too, `path` has then the name that it has now. Throws IoError.
void sync_folder_of(const std::filesystem::path& path);

/// Whether something is there. Throws IoError when that cannot be known, for example for lack of
/// permission.
bool path_exists(const std::filesystem::path& path);

/// Whether nothing can be made there: the same, but that a link to nothing has the name too.
bool name_is_taken(const std::filesystem::path& path);

/// What is in a folder, sorted; what can be listed of it, where it cannot be read.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);

/// Room for the options of a run, the names of all classes, or fifty thousand candidates in flight.
/// What is parsed takes many times its length in memory.
inline constexpr std::size_t longest_text_file = std::size_t{1} << 22;

/// Whether to read the rest of a file.
enum class ReadOn : std::uint8_t { no, yes };
/// Looks at what has been read of a file of `size` bytes, at first some 64 KiB or all of it; it may
/// throw. So nothing is read for a beginning that is wrong, however long the file says it is.
using FileLook = std::function<ReadOn(std::span<const std::byte> so_far, std::size_t size)>;

/// What may be read where a path leads.
enum class Readable : std::uint8_t {
  file,      ///< a regular file alone: nobody can keep a program waiting
  anything,  ///< pipes and devices too, for what a user names; a signal ends the wait for a writer
};

/// The bytes of a file until `look` requires no more: all without it. Throws IoError when it
/// cannot be read or is longer than `longest` bytes (EFBIG), which whoever reads larger files has
/// to say: no file takes more memory than its kind may.
std::vector<std::byte> read_file(const std::filesystem::path& path,
                                 std::size_t longest = longest_text_file,
                                 const FileLook& look = nullptr,
                                 Readable readable = Readable::file);
/// The same as text.
std::string read_text_file(const std::filesystem::path& path,
                           std::size_t longest = longest_text_file,
                           Readable readable = Readable::file);

/// Holds the exclusive advisory lock of a file from construction to destruction; the lock also ends
/// with the process, however it ends. Move-only.
class FileLock {
 public:
  /// Creates the file when needed, for this user alone: whoever may read it could lock it too.
  /// Nothing when another process holds the lock; throws IoError when the file cannot be opened or
  /// the file system has no locks.
  static std::optional<FileLock> try_acquire(const std::filesystem::path& path);

  /// Whether some process holds the lock now. Neither makes nor changes the file, so that a reader
  /// without write permission can ask. Throws IoError.
  static bool held_elsewhere(const std::filesystem::path& path);

  /// Takes the lock again, as a file system may have lost it while this process slept. False when
  /// another process holds it by now.
  bool renew() const;

  /// Whether `path` is the file whose lock this is: not when that was moved, removed or replaced.
  /// Throws IoError when that cannot be known.
  bool is_of(const std::filesystem::path& path) const;

 private:
  explicit FileLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace hierevo::core
