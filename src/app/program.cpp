#include "program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>

#include "hierevo/core/error.hpp"
#include "hierevo/core/standard_error.hpp"
#include "shared_libraries.hpp"
#include "standard_output.hpp"

namespace hierevo::app {

namespace {

// Read by all threads, written in a signal handler.
std::atomic<int> stop_signals = 0;
static_assert(std::atomic<int>::is_always_lock_free);

constexpr int stop_signal_numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2};

sigset_t stop_signal_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : stop_signal_numbers) sigaddset(&set, signal);
  return set;
}

extern "C" void note_stop_signal(int signal) {
  if (signal == SIGINT && stop_signals != 0) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  stop_signals = 1;
}

/// Unlike one that is ignored, a signal with a handler is as usual again in what is started.
extern "C" void note_nothing(int) {}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART | SA_NODEFER;
  sigaction(signal, &action, nullptr);
}

/// What a terminal sends to all that was started from it is not for those that were told to ignore
/// it. Others who send a signal mean this process.
bool ignores_interrupts = false;
bool ignores_hang_ups = false;

bool is_ignored(int signal) {
  struct sigaction now {};
  sigaction(signal, nullptr, &now);
  return now.sa_handler == SIG_IGN;
}

void note_what_is_ignored() {
  ignores_interrupts = is_ignored(SIGINT);
  ignores_hang_ups = is_ignored(SIGHUP);
}

/// Before main() is too late: libraries that come with MPI have been there (UCX takes SIGHUP as it
/// is loaded). This runs before any of theirs.
[[gnu::section(".preinit_array"), gnu::used]] void (*const first_of_all)() = note_what_is_ignored;

bool stays_ignored(int signal) {
  return (signal == SIGINT && ignores_interrupts) || (signal == SIGHUP && ignores_hang_ups);
}

/// Also what a library has taken meanwhile.
void keep_ignoring() {
  for (const int signal : stop_signal_numbers) {
    if (stays_ignored(signal)) std::signal(signal, SIG_IGN);
  }
}

/// Keeps these signals waiting for catch_stop_signals(), also that of the program which this
/// process becomes. Children would inherit it.
void hold_stop_signals() {
  const sigset_t held = stop_signal_set();
  sigprocmask(SIG_BLOCK, &held, nullptr);
}

}  // namespace

int guarded(const std::function<int()>& command, std::string_view who) {
  try {
    return command();
  } catch (const std::exception& exception) {
    const core::Failure failure = core::failure_of(exception);
    core::write_line("hierevo: {}{}{}", who, who.empty() ? "" : ": ", failure.text);
    return static_cast<int>(failure.code);
  }
}

int run_program(const std::function<int()>& command) {
  occupy_closed_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);
  keep_ignoring();
  const int code = guarded(command);
  const int output = guarded([] {
    flush_output();
    return 0;
  });
  return code != 0 ? code : output;
}

std::filesystem::path sibling_program(std::string_view name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

bool this_program_is(std::string_view name) {
  return std::filesystem::read_symlink("/proc/self/exe").filename() == name;
}

void become(std::string_view program, const std::vector<std::string>& arguments) {
  const std::string path = sibling_program(program).string();
  std::vector<std::string> words = {path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  provide_libraries(path);
  if (program == "hierevo-train") hold_stop_signals();  // Torch takes its time to be loaded
  keep_ignoring();                                      // the other program too
  ::execv(path.c_str(), pointers.data());
  const bool absent = errno == ENOENT;
  throw core::UsageError(
      fmt::format("Cannot start '{}'", path), std::strerror(errno),
      absent ? "This hierevo may have been built without Torch: see `hierevo --version`."
             : "Install hierevo again.");
}

std::vector<std::string> arguments_from(int argc, char** argv, int first) {
  if (argc <= first) return {};
  return {argv + first, argv + argc};
}

void outlive_readers() {
  handle(SIGPIPE, note_nothing);
}

void catch_stop_signals() {
  for (const int signal : stop_signal_numbers) {
    if (!stays_ignored(signal)) handle(signal, note_stop_signal);
  }
  const sigset_t held = stop_signal_set();
  sigprocmask(SIG_UNBLOCK, &held, nullptr);
}

bool stop_signal_came() {
  return stop_signals != 0;
}

}  // namespace hierevo::app
