#include "staging.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "hierevo/core/numbers.hpp"
#include "text.hpp"
#include "tree_copy.hpp"
#include "tree_removal.hpp"

namespace hierevo::spank {

namespace fs = std::filesystem;

namespace {

// Besides the copies, a job's folder has these. Notes are links whose text is a number: created and
// read in one call each, even on a full disk. A source's path may be too long for a link (XFS: 1023
// bytes; ext4: less than a block), so it is in a file.
constexpr const char* partial = ".partial";  ///< a folder with the unfinished copy
constexpr const char* sources = ".sources";  ///< a folder with a file for each copy: its source
constexpr const char* start = ".start";      ///< note: the restart count when this was created
constexpr const char* failure = ".failure";  ///< note: the step in which staging failed

/// The controller may be away for a while, and a failure would end the job for good.
std::time_t ask_when_job_began(const StagePlace& place) {
  for (const int pause : {1, 2, 4, 8, 16, 30, 30, 30, 0}) {
    if (const auto began = place.job_began()) return *began;
    std::this_thread::sleep_for(std::chrono::seconds(pause));
  }
  throw core::UsageError("It is not known whether there are data of an earlier start of the job",
                         "Slurm's controller does not respond", "Submit the job again.");
}

class JobFolder {
 public:
  /// Waits until no other task is using it.
  explicit JobFolder(const std::string& path) : path_(path) {
    folder_ =
        core::Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder_) throw failed(path_, "open");
    while (::flock(folder_.get(), LOCK_EX) != 0) {
      if (errno != EINTR) throw failed(path_, "lock");
    }
  }

  int descriptor() const { return folder_.get(); }
  const fs::path& path() const { return path_; }

  /// Nothing if there is no such note.
  std::optional<std::uint32_t> note(const char* name) const {
    std::array<char, 16> text;
    const ssize_t size = ::readlinkat(folder_.get(), name, text.data(), text.size());
    if (size < 0) return std::nullopt;
    return core::parse_number<std::uint32_t>({text.data(), static_cast<std::size_t>(size)});
  }

  void write_note(const char* name, std::uint32_t number) const {
    ::unlinkat(folder_.get(), name, 0);
    if (::symlinkat(std::to_string(number).c_str(), folder_.get(), name) != 0)
      throw failed(path_ / name, "create");
  }

  /// Nothing if it is not known.
  std::optional<std::string> source_of(const std::string& name) const {
    const fs::path file_name = fs::path(sources) / name;
    // O_NONBLOCK: the user may have put a pipe there.
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const core::Descriptor file(::openat(folder_.get(), file_name.c_str(), flags));
    std::string text(PATH_MAX, '\0');
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    if (size <= 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    return text;
  }

  /// To be called before the copy gets its name: an incomplete record does not matter then.
  void write_source(const StageRequest& request) const {
    make_folder(sources);
    const fs::path file_name = fs::path(sources) / request.name;
    ::unlinkat(folder_.get(), file_name.c_str(), 0);
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const core::Descriptor file(::openat(folder_.get(), file_name.c_str(), flags, 0600));
    if (!file) throw failed(path_ / file_name, "create");
    errno = ENOSPC;  // for a short write
    const ssize_t written = ::write(file.get(), request.source.data(), request.source.size());
    if (written != static_cast<ssize_t>(request.source.size()))
      throw failed(path_ / file_name, "write");
  }

  core::Descriptor make_folder(const char* name) const {
    if (::mkdirat(folder_.get(), name, 0700) != 0 && errno != EEXIST)
      throw failed(path_ / name, "create");
    core::Descriptor made(
        ::openat(folder_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) throw failed(path_ / name, "open");
    return made;
  }

  bool has(const std::string& name) const {
    struct stat status = {};
    return ::fstatat(folder_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  }

  /// Nothing of a running job may be removed, so a count that is missing or not larger removes
  /// nothing, and a larger one is verified with Slurm.
  void forget_earlier_start(const StagePlace& place) const {
    const auto noted = note(start);
    if (noted && place.restarts.value_or(0) <= *noted) return;
    if (noted && time_of_note(start) < ask_when_job_began(place))
      remove_contents(folder_.get(), path_);
    // Even if the job's files stay: steps are numbered from 0 again.
    ::unlinkat(folder_.get(), failure, 0);
    write_note(start, place.restarts.value_or(0));
  }

  bool has_copy_of(const StageRequest& request) const {
    if (!has(request.name)) return false;
    const auto source = source_of(request.name);
    if (source == request.source) return true;
    throw core::UsageError(
        fmt::format("'{}' cannot be staged as '{}'", shown(request.source), shown(request.name)),
        source ? fmt::format("that is already '{}'", shown(*source)) : "the name is already in use",
        "Give another name after a colon: SRC:NAME.");
  }

 private:
  std::time_t time_of_note(const char* name) const {
    struct stat status = {};
    if (::fstatat(folder_.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0)
      throw failed(path_ / name, "inspect");
    return status.st_mtime;
  }

  fs::path path_;
  core::Descriptor folder_;
};

std::uint64_t free_bytes(int folder, const fs::path& path) {
  struct statvfs disk = {};
  if (::fstatvfs(folder, &disk) != 0) throw failed(path, "inspect");
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

void require_room(const TreeSize& size, const JobFolder& job, const StagePlace& place) {
  const std::uint64_t there = measure_tree(job.descriptor(), job.path(), Purpose::count).bytes;
  if (size.bytes > place.limit - std::min(place.limit, there))
    throw core::UsageError(fmt::format("{} are too much to stage", size_text(size.bytes)),
                           fmt::format("a job may have {} on a node, and has {} there",
                                       size_text(place.limit), size_text(there)),
                           "Use the data where they are, or ask your administrator.");
  const std::uint64_t free = free_bytes(job.descriptor(), job.path());
  if (size.on_disk > free)
    throw core::UsageError(
        fmt::format("{} cannot be staged", size_text(size.bytes)),
        fmt::format("the disk of '{}' has only {} free", job.path().string(), size_text(free)),
        "Use the data where they are, or nodes with larger disks.");
}

/// The copy gets its name only when it is complete.
TreeSize copy_into(const JobFolder& job, const StageRequest& request, const StagePlace& place) {
  const core::Descriptor source = open_tree(request.source);
  const TreeSize size = measure_tree(source.get(), request.source);
  const core::Descriptor work = job.make_folder(partial);
  remove_contents(work.get(), job.path() / partial);
  require_room(size, job, place);
  copy_tree(source.get(), request.source,
            {work.get(), request.name, job.path() / partial / request.name});
  const TreeSize copied = measure_tree(work.get(), job.path() / partial);
  if (copied.files != size.files || copied.folders != size.folders + 1)
    refuse_change(request.source);
  job.write_source(request);
  if (::renameat(work.get(), request.name.c_str(), job.descriptor(), request.name.c_str()) != 0)
    throw failed(job.path() / request.name, "create");
  ::unlinkat(job.descriptor(), partial, AT_REMOVEDIR);
  return size;
}

/// Spares the other tasks of the step from trying again and reporting the same.
void clean_up_after_failure(const JobFolder& job, std::uint32_t step) noexcept {
  try {
    remove_contents(job.make_folder(partial).get(), job.path() / partial);
    ::unlinkat(job.descriptor(), partial, AT_REMOVEDIR);
    job.write_note(failure, step);
  } catch (const std::exception&) {
    // Everything is removed at the end of the job.
  }
}

}  // namespace

Staged stage(const StageRequest& request, const StagePlace& place) {
  const auto began = std::chrono::steady_clock::now();
  const JobFolder job(place.folder);
  job.forget_earlier_start(place);
  if (job.note(failure) == place.step) throw AlreadyReported();
  Staged staged;
  staged.path = job.path() / request.name;
  try {
    if (!job.has_copy_of(request)) {
      staged.size = copy_into(job, request, place);
      staged.copied = true;
    }
    const core::Descriptor copy = open_tree(staged.path);
    staged.is_folder = S_ISDIR(status_of(copy.get(), staged.path).st_mode);
  } catch (...) {
    clean_up_after_failure(job, place.step);
    throw;
  }
  staged.free_bytes = free_bytes(job.descriptor(), job.path());
  staged.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return staged;
}

}  // namespace hierevo::spank
