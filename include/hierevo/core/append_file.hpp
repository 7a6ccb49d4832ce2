#pragma once

#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::core {

/// A file that grows. What was appended survives the end of the process; a thread syncs it, so that
/// it survives a power cut too: 50 ms after the sync before, if that long has not passed yet. Where
/// no thread can be started, append() syncs.
class AppendFile {
 public:
  /// Makes the file. Throws IoError, also when it is there already.
  explicit AppendFile(std::filesystem::path path);
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  /// Syncs what is left to sync.
  ~AppendFile();

  /// Throws IoError when this failed: of `bytes` nothing is then in the file, and the same may be
  /// tried again. Throws IoError at every call once a sync has failed, as nobody knows what it
  /// lost.
  void append(std::span<const std::byte> bytes);

  /// Whether the path is still this file, with all that was appended: not where somebody removed,
  /// replaced or emptied it. Throws IoError when that cannot be known.
  bool is_in_place() const;

 private:
  /// Takes away what an append() that failed left; false when that cannot be done now.
  bool shorten();
  void sync_when_asked(const std::stop_token& stop);

  std::filesystem::path path_;
  Descriptor file_;
  std::size_t size_ = 0;  ///< of what was appended whole
  bool torn_ = false;     ///< whether the file may have more
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool unsynced_ = false;
  int sync_error_ = 0;
  std::jthread syncer_;
};

}  // namespace hierevo::core
