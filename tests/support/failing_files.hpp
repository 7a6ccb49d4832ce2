// File calls that fail, or end the process, when a test asks for it.
#pragma once

#include <cstddef>
#include <functional>

namespace hierevo::test {

/// What happens to a call.
enum class FileFault {
  error,   ///< it fails with EIO, as if it had not been made; the next ones work again
  broken,  ///< it and all after it fail so
  full,    ///< it and all after it that need room fail with ENOSPC; the first write writes half
  crash,   ///< the process ends instead; a write writes half before
};

/// From its construction to its destruction the `nth` file call of this thread, counted from 1,
/// meets `fault`. File calls are open, write, pwrite, fsync, fdatasync, ftruncate, close, rename,
/// renameat2, link and unlink. A program that links this has its own functions of these names,
/// which forward to those of the system. One at a time per thread.
class FailingFiles {
 public:
  FailingFiles(std::size_t nth, FileFault fault);
  FailingFiles(const FailingFiles&) = delete;
  FailingFiles& operator=(const FailingFiles&) = delete;
  ~FailingFiles();

  /// Whether there was an nth call.
  bool reached() const;
};

/// Runs `work` in a child process that ends at its nth file call. False when it had no such call
/// and finished. Throws std::runtime_error when it ended in another way.
bool crashes_at(std::size_t nth, const std::function<void()>& work);

/// While one lives, fdatasync() fails with EIO in every thread.
class FailingSyncs {
 public:
  FailingSyncs();
  FailingSyncs(const FailingSyncs&) = delete;
  FailingSyncs& operator=(const FailingSyncs&) = delete;
  ~FailingSyncs();

  /// Waits until this many have failed.
  void wait_for(int count) const;
};

}  // namespace hierevo::test
