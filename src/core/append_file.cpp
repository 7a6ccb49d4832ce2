#include "hierevo/core/append_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "is_file_at.hpp"

namespace hierevo::core {

namespace {

constexpr auto sync_interval = std::chrono::milliseconds(50);

}  // namespace

AppendFile::AppendFile(std::filesystem::path path)
    : path_(std::move(path)),
      file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666)) {
  if (!file_) throw IoError(path_, "make", errno);
  try {
    syncer_ = std::jthread([this](const std::stop_token& stop) { sync_when_asked(stop); });
  } catch (const std::system_error&) {
    // As many threads as may be: append() does it.
  }
}

AppendFile::~AppendFile() {
  if (!syncer_.joinable()) return;
  syncer_.request_stop();
  syncer_.join();
}

void AppendFile::append(std::span<const std::byte> bytes) {
  {
    const std::scoped_lock lock(mutex_);
    if (sync_error_ != 0) throw IoError(path_, "sync", sync_error_);
  }
  if (torn_ && !shorten()) throw IoError(path_, "shorten", errno);
  try {
    torn_ = true;
    write_all(file_.get(), path_, bytes);
    torn_ = false;
  } catch (const IoError&) {
    shorten();
    throw;
  }
  size_ += bytes.size();
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    if (!syncer_.joinable()) {
      if (::fdatasync(file_.get()) != 0) sync_error_ = errno;
      return;
    }
    first = !std::exchange(unsynced_, true);
  }
  if (first) wake_.notify_one();  // what follows is synced along with it
}

bool AppendFile::is_in_place() const {
  struct stat now {};
  if (::fstat(file_.get(), &now) != 0) throw IoError(path_, "look at", errno);
  return is_file_at(file_.get(), path_) && static_cast<std::size_t>(now.st_size) >= size_;
}

bool AppendFile::shorten() {
  torn_ = ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0;
  return !torn_;
}

void AppendFile::sync_when_asked(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, stop, [this] { return unsynced_; });
    if (!unsynced_) return;  // and so was asked to stop
    unsynced_ = false;
    lock.unlock();
    const int error = ::fdatasync(file_.get()) == 0 ? 0 : errno;
    lock.lock();
    if (error != 0) sync_error_ = error;
    // Others are collected meanwhile.
    wake_.wait_for(lock, stop, sync_interval, [] { return false; });
  }
}

}  // namespace hierevo::core
