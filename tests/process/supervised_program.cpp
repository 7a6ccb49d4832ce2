// A program that a Supervisor starts in its tests. Built without sanitizers, which need more
// address space than a memory limit leaves. It does what its first argument says.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

namespace {

constexpr int messages = 3;

void say(const std::string& text) {
  static_cast<void>(::send(messages, text.data(), text.size(), MSG_NOSIGNAL));
}

/// The next message; empty when the other side is gone.
std::string hear() {
  std::array<char, 4096> text{};
  const ssize_t count = ::recv(messages, text.data(), text.size(), 0);
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

int echo() {
  for (std::string text = hear(); !text.empty(); text = hear()) say(text);
  return 0;
}

/// Takes memory until there is no more. What is touched is really used.
int allocate(bool touch) {
  constexpr std::size_t chunk = std::size_t{1} << 22;
  try {
    while (true) {
      char* memory = new char[chunk];
      if (touch) std::memset(memory, 1, chunk);
      static char* volatile last;  // so that nothing is left out
      last = memory;
    }
  } catch (const std::bad_alloc&) {
    return 86;
  }
}

[[noreturn]] void wait_for_ever() {
  while (true) ::pause();
}

/// Children that do not end by themselves: one in its group, one in a session of its own, and one
/// of a parent that has ended. Says their ids.
int have_children() {
  std::array<int, 2> ids{};
  if (::pipe(ids.data()) != 0) return 1;
  const auto tell = [&] {
    const pid_t id = ::getpid();
    static_cast<void>(!::write(ids[1], &id, sizeof id));
  };
  if (::fork() == 0) {
    tell();
    wait_for_ever();
  }
  if (::fork() == 0) {
    ::setsid();
    tell();
    wait_for_ever();
  }
  if (::fork() == 0) {
    if (::fork() != 0) ::_exit(0);
    ::setsid();
    tell();
    wait_for_ever();
  }
  std::string text = std::to_string(::getpid());
  for (int i = 0; i < 3; ++i) {
    pid_t id = 0;
    if (::read(ids[0], &id, sizeof id) != sizeof id) return 1;
    text += " " + std::to_string(id);
  }
  say(text);
  if (hear() == "end") return 5;
  wait_for_ever();
}

int say_what_is_open() {
  std::string text;
  for (int descriptor = 0; descriptor < 4096; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) text += std::to_string(descriptor) + " ";
  }
  say(text);
  char ignored = 0;
  say(::read(0, &ignored, 1) == 0 ? "nothing to read" : "something to read");
  return 0;
}

int say_environment() {
  std::string text;
  for (char** entry = environ; *entry != nullptr; ++entry) text += std::string(*entry) + "\n";
  say(text.substr(0, 60000));
  return 0;
}

int say_cores() {
  std::string text;
  std::FILE* status = std::fopen("/proc/self/status", "r");
  std::array<char, 4096> line{};
  while (status != nullptr && std::fgets(line.data(), line.size(), status) != nullptr) {
    if (std::strncmp(line.data(), "Cpus_allowed_list:", 18) == 0) text = line.data() + 19;
  }
  say(text);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::string more = argc > 2 ? argv[2] : "";
  if (what == "echo") return echo();
  if (what == "exit") return std::atoi(more.c_str());
  if (what == "signal") return ::raise(std::atoi(more.c_str()));
  if (what == "print") return std::fputs(more.c_str(), stderr) < 0 ? 1 : 0;
  if (what == "allocate") return allocate(more == "touch");
  if (what == "children") return have_children();
  if (what == "open") return say_what_is_open();
  if (what == "environment") return say_environment();
  if (what == "cores") return say_cores();
  return 99;
}
