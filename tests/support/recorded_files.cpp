// The checked inline forms of open() would conflict with a function of that name.
#undef _FORTIFY_SOURCE

#include "support/recorded_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdarg>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/system_call.hpp"

namespace hierevo::test {

namespace {

namespace fs = std::filesystem;

/// A file, whatever its names; the folder is number 0.
using Node = std::size_t;
constexpr Node the_folder = 0;

struct Call {
  enum class Kind { names, write, shorten, sync } kind{};
  Node node = the_folder;
  /// Names that a call gave to a file, or removed, atomically.
  std::vector<std::pair<std::string, std::optional<Node>>> names;
  std::size_t offset = 0;  ///< of a write; the length that was left
  std::string bytes;
  std::size_t covers = 0;  ///< of a sync: calls that were made before it began
};

struct OpenFile {
  Node node = the_folder;
  std::size_t offset = 0;
  bool appends = false;
};

struct Recording {
  std::mutex mutex;
  std::condition_variable synced;
  fs::path folder;
  bool on = false;
  std::vector<Call> calls;
  std::map<std::string, Node> names;
  std::map<Node, std::size_t> sizes;
  std::map<int, OpenFile> open;
  std::size_t last_write = 0;

  /// The name of a file in the folder; "" for the folder itself; nothing for another place.
  std::optional<std::string> name_of(const char* path) const {
    if (!on) return std::nullopt;
    const fs::path asked(path);
    if (asked == folder) return "";
    if (asked.parent_path() != folder) return std::nullopt;
    return asked.filename().string();
  }
  OpenFile* file(int descriptor) {
    const auto found = open.find(descriptor);
    return !on || found == open.end() ? nullptr : &found->second;
  }
  void name(std::vector<std::pair<std::string, std::optional<Node>>> changed) {
    for (const auto& [name, node] : changed) {
      if (node) names[name] = *node;
      if (!node) names.erase(name);
    }
    Call call{Call::Kind::names, the_folder, {}, 0, {}, 0};
    call.names = std::move(changed);
    calls.push_back(std::move(call));
  }
  void shorten(Node node, std::size_t size) {
    sizes[node] = size;
    calls.push_back({Call::Kind::shorten, node, {}, size, {}, 0});
  }
  /// Calls whose effect on this file survives a power cut.
  std::size_t synced_before(Node node, std::size_t end) const {
    std::size_t covered = 0;
    for (std::size_t i = 0; i < end; ++i) {
      const Call& call = calls[i];
      if (call.kind == Call::Kind::sync && call.node == node) {
        covered = std::max(covered, call.covers);
      }
    }
    return covered;
  }
};

Recording& recording() {
  static auto* const one = new Recording;  // calls come until the process exits
  return *one;
}

bool is_synced_now(const Recording& now, std::size_t write, std::size_t calls) {
  return now.synced_before(now.calls.at(write).node, calls) > write;
}

/// What the disk may have of a file.
std::string content(const Recording& all, Node node, std::size_t calls,
                    RecordedFiles::Unsynced unsynced, core::RandomStream& random) {
  const std::size_t synced = all.synced_before(node, calls);
  std::string found;
  for (std::size_t i = 0; i < calls; ++i) {
    const Call& call = all.calls[i];
    if (call.node != node) continue;
    const bool sure = i < synced || unsynced == RecordedFiles::Unsynced::kept;
    if (!sure && (unsynced == RecordedFiles::Unsynced::lost || random.below(3) == 0)) continue;
    if (call.kind == Call::Kind::shorten) found.resize(std::min(found.size(), call.offset));
    if (call.kind != Call::Kind::write) continue;
    std::string bytes = call.bytes;
    if (!sure && random.below(3) == 0) bytes.resize(random.below(bytes.size() + 1));
    if (!sure && random.below(4) == 0) bytes.assign(bytes.size(), '\0');
    if (found.size() < call.offset + bytes.size()) found.resize(call.offset + bytes.size());
    found.replace(call.offset, bytes.size(), bytes);
  }
  return found;
}

/// The names that there may be.
std::map<std::string, Node> names_left(const Recording& all, std::size_t calls,
                                       RecordedFiles::Unsynced unsynced,
                                       core::RandomStream& random) {
  const std::size_t synced = all.synced_before(the_folder, calls);
  std::map<std::string, Node> names;
  for (std::size_t i = 0; i < calls; ++i) {
    if (all.calls[i].kind != Call::Kind::names) continue;
    const bool sure = i < synced || unsynced == RecordedFiles::Unsynced::kept;
    if (!sure && (unsynced == RecordedFiles::Unsynced::lost || random.below(2) == 0)) continue;
    for (const auto& [name, node] : all.calls[i].names) {
      if (node) names[name] = *node;
      if (!node) names.erase(name);
    }
  }
  return names;
}

/// What a sync of `descriptor` does here.
bool record_sync(int descriptor) {
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const OpenFile* file = now.file(descriptor);
  if (file == nullptr) return false;
  now.calls.push_back({Call::Kind::sync, file->node, {}, 0, {}, now.calls.size()});
  now.synced.notify_all();
  return true;
}

/// Gives the name `from` of a file to `to`.
void record_rename(const std::optional<std::string>& from, const std::optional<std::string>& to) {
  Recording& now = recording();
  if (!from && !to) return;
  if (!from || !to) throw std::logic_error("a file crosses the border of the recorded folder");
  const Node node = now.names.at(*from);
  // Of two names of one file, rename() leaves both.
  if (const auto there = now.names.find(*to); there != now.names.end() && there->second == node) {
    return;
  }
  now.name({{*from, std::nullopt}, {*to, node}});
}

}  // namespace

RecordedFiles::RecordedFiles(fs::path folder) {
  if (!fs::is_empty(folder)) throw std::logic_error("the folder is not empty");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  now.folder = std::move(folder);
  now.calls.clear();
  now.names.clear();
  now.sizes.clear();
  now.open.clear();
  now.on = true;
}

RecordedFiles::~RecordedFiles() {
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  now.on = false;
}

std::size_t RecordedFiles::calls() {
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  return now.calls.size();
}

std::size_t RecordedFiles::last_write() {
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  return now.last_write;
}

bool RecordedFiles::is_synced(std::size_t write, std::size_t calls) {
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  return is_synced_now(now, write, calls);
}

void RecordedFiles::wait_until_synced(std::size_t write) {
  Recording& now = recording();
  std::unique_lock lock(now.mutex);
  now.synced.wait(lock, [&] { return is_synced_now(now, write, now.calls.size()); });
}

void RecordedFiles::rebuild(std::size_t calls, Unsynced unsynced, core::RandomStream& random,
                            const fs::path& to) {
  std::map<fs::path, std::string> files;
  std::map<fs::path, fs::path> links;
  {
    Recording& all = recording();
    const std::scoped_lock lock(all.mutex);
    std::map<Node, fs::path> first_names;
    for (const auto& [name, node] : names_left(all, calls, unsynced, random)) {
      const auto [first, is_first] = first_names.emplace(node, to / name);
      if (is_first) files[to / name] = content(all, node, calls, unsynced, random);
      if (!is_first) links[to / name] = first->second;
    }
  }
  for (const auto& [path, bytes] : files) std::ofstream(path, std::ios::binary) << bytes;
  for (const auto& [path, first] : links) fs::create_hard_link(first, path);
}

}  // namespace hierevo::test

// The functions that replace the system's.
using namespace hierevo::test;

extern "C" {

int open(const char* path, int flags, ...) {
  static auto* const forward = system_call<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_behind(flags, arguments);
  va_end(arguments);
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const int descriptor = forward(path, flags, mode);
  const auto name = now.name_of(path);
  if (descriptor < 0 || !name) return descriptor;
  Node node = the_folder;
  if (!name->empty()) {
    const auto known = now.names.find(*name);
    node = known == now.names.end() ? now.sizes.size() + 1 : known->second;
    if (known == now.names.end()) {
      now.sizes[node] = 0;
      now.name({{*name, node}});
    } else if ((flags & O_TRUNC) != 0) {
      now.shorten(node, 0);
    }
  }
  now.open[descriptor] = {node, 0, (flags & O_APPEND) != 0};
  return descriptor;
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  static auto* const forward = system_call<ssize_t(int, const void*, std::size_t)>("write");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const ssize_t written = forward(descriptor, bytes, count);
  OpenFile* file = now.file(descriptor);
  if (written <= 0 || file == nullptr) return written;
  const auto size = static_cast<std::size_t>(written);
  std::size_t& end = now.sizes[file->node];
  const std::size_t offset = file->appends ? end : file->offset;
  file->offset = offset + size;
  end = std::max(end, file->offset);
  now.last_write = now.calls.size();
  now.calls.push_back({Call::Kind::write,
                       file->node,
                       {},
                       offset,
                       std::string(static_cast<const char*>(bytes), size),
                       0});
  return written;
}

int fsync(int descriptor) {
  static auto* const forward = system_call<int(int)>("fsync");
  return record_sync(descriptor) ? 0 : forward(descriptor);
}

int fdatasync(int descriptor) {
  static auto* const forward = system_call<int(int)>("fdatasync");
  return record_sync(descriptor) ? 0 : forward(descriptor);
}

int ftruncate(int descriptor, off_t length) noexcept {
  static auto* const forward = system_call<int(int, off_t)>("ftruncate");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const int result = forward(descriptor, length);
  const OpenFile* file = now.file(descriptor);
  if (result == 0 && file != nullptr) now.shorten(file->node, static_cast<std::size_t>(length));
  return result;
}

int close(int descriptor) {
  static auto* const forward = system_call<int(int)>("close");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  now.open.erase(descriptor);
  return forward(descriptor);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const forward = system_call<int(const char*, const char*)>("rename");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const int result = forward(from, to);
  if (result == 0) record_rename(now.name_of(from), now.name_of(to));
  return result;
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  static auto* const forward =
      system_call<int(int, const char*, int, const char*, unsigned)>("renameat2");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const int result = forward(from_folder, from, to_folder, to, flags);
  if (result == 0) record_rename(now.name_of(from), now.name_of(to));
  return result;
}

int link(const char* from, const char* to) noexcept {
  static auto* const forward = system_call<int(const char*, const char*)>("link");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const int result = forward(from, to);
  const auto name = now.name_of(to);
  if (result == 0 && name) now.name({{*name, now.names.at(now.name_of(from).value())}});
  return result;
}

int unlink(const char* path) noexcept {
  static auto* const forward = system_call<int(const char*)>("unlink");
  Recording& now = recording();
  const std::scoped_lock lock(now.mutex);
  const int result = forward(path);
  const auto name = now.name_of(path);
  if (result == 0 && name) now.name({{*name, std::nullopt}});
  return result;
}

}  // extern "C"
