// What a power cut may leave in a folder.
#pragma once

#include <cstddef>
#include <filesystem>

#include "hierevo/core/random.hpp"

namespace hierevo::test {

/// From its construction to its destruction records what all threads do to the files of a folder,
/// which is flat and empty at first: open, write, fsync, fdatasync, ftruncate, close, rename,
/// renameat2, link and unlink. A program that links this has its own functions of these names. They
/// forward to the system's, except syncs, which are slow and are only recorded. One at a time.
class RecordedFiles {
 public:
  explicit RecordedFiles(std::filesystem::path folder);
  RecordedFiles(const RecordedFiles&) = delete;
  RecordedFiles& operator=(const RecordedFiles&) = delete;
  ~RecordedFiles();

  /// The number of calls that change or sync something.
  static std::size_t calls();
  /// The number of the last one that wrote, from 0.
  static std::size_t last_write();
  /// Whether one of the first `calls` calls has synced what this call wrote.
  static bool is_synced(std::size_t write, std::size_t calls);
  static void wait_until_synced(std::size_t write);

  /// What happens to unsynced data.
  enum class Unsynced {
    lost,
    kept,
    /// Each call independently, whatever came after it: done or not; a write perhaps only in part,
    /// or as zeros.
    any,
  };
  /// Makes in the empty folder `to` what the disk may have when the power fails after the first
  /// `calls`.
  static void rebuild(std::size_t calls, Unsynced unsynced, core::RandomStream& random,
                      const std::filesystem::path& to);
};

}  // namespace hierevo::test
