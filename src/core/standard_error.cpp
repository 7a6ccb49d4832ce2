#include "hierevo/core/standard_error.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>

#include "hierevo/core/printable.hpp"

namespace hierevo::core {

namespace {

constexpr std::string_view clear_line = "\r\x1b[K";

/// The status line as it was asked for; empty: none is shown.
struct Shown {
  std::mutex mutex;
  std::string status;
};

Shown& shown() {
  // Never destroyed: at the exit threads that nobody waits for may still log.
  static Shown& instance = *new Shown;
  return instance;
}

/// A tab steers nothing, and many programs and compilers write some.
std::string without_tabs(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '\t', ' ');
  return spaced;
}

void write_all(std::string_view text) {
  constexpr int patience = 1000;  // milliseconds, where another program made the terminal not wait
  while (!text.empty()) {
    text.remove_prefix(std::fwrite(text.data(), 1, text.size(), stderr));  // which has no buffer
    if (text.empty()) return;
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    const bool later = errno == EAGAIN && ::poll(&room, 1, patience) > 0;
    if (errno != EINTR && !later) return;
  }
}

std::size_t columns() {
  constexpr std::size_t usual = 80;  // also behind a launcher's pipe
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : usual;
}

/// As many characters as stay on one line: behind the last column a terminal begins another.
std::string_view cut(std::string_view text) {
  std::size_t left = std::max<std::size_t>(columns(), 2) - 1;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (begins && left-- == 0) return text.substr(0, at);
  }
  return text;
}

}  // namespace

void write_line(std::string_view text) {
  Shown& now = shown();
  const std::scoped_lock lock(now.mutex);
  std::string bytes(now.status.empty() ? "" : clear_line);
  bytes += printable(without_tabs(text)) + '\n';
  bytes += cut(now.status);
  write_all(bytes);
}

void show_status(std::string_view text) {
  Shown& now = shown();
  const std::scoped_lock lock(now.mutex);
  now.status = printable(text);
  write_all(std::string(clear_line).append(cut(now.status)));
}

void leave_status() {
  Shown& now = shown();
  const std::scoped_lock lock(now.mutex);
  if (!now.status.empty()) write_all("\n");
  now.status.clear();
}

std::string standard_error_file() {
  std::error_code none;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/2", none);
  return !none && std::filesystem::is_regular_file(path, none) ? path.string() : "";
}

}  // namespace hierevo::core
