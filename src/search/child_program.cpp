#include "child_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <thread>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/process/start_program.hpp"

namespace hierevo::search {

namespace {

namespace fs = std::filesystem;
using evolution::Evaluation;
using evolution::Status;

constexpr auto start_patience = std::chrono::minutes(1);
constexpr std::chrono::milliseconds longest_start_pause = std::chrono::seconds(5);

bool can_be_run(const std::string& path) {
  std::error_code ignored;
  return ::access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path, ignored);
}

/// The path of `program`, which the search path leads to; empty when there is none.
std::string path_of(const std::string& program) {
  if (program.find('/') != std::string::npos) return can_be_run(program) ? program : "";
  const char* search_path = std::getenv("PATH");
  std::string_view rest = search_path == nullptr ? "" : search_path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    const std::string path = (fs::path(folder) / program).string();
    if (can_be_run(path)) return path;
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
  }
  return "";
}

std::string why_it_cannot_be_run(const std::string& program) {
  std::error_code ignored;
  const bool is_path = program.find('/') != std::string::npos;
  if (is_path && fs::is_directory(program, ignored)) return "it is a folder";
  if (is_path && fs::exists(program, ignored)) return "it is not executable";
  return is_path ? "there is no such program" : "there is no such program on the PATH";
}

struct Ends {
  core::Descriptor ours;
  core::Descriptor its;
};

/// A pipe from the program.
Ends make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw core::IoError("pipe", "make", errno);
  Ends pipe{core::Descriptor(ends[0]), core::Descriptor(ends[1])};
  ::fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

/// To the program. A socket can be written without a signal when nobody reads it any more.
Ends make_input() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw core::IoError("socket pair", "make", errno);
  }
  return {core::Descriptor(ends[0]), core::Descriptor(ends[1])};
}

/// Appends some of what a pipe has; false when that is nothing. At its end the pipe is closed.
bool read_some(core::Descriptor& pipe, std::string& text) {
  if (!pipe) return false;
  std::array<char, std::size_t{1} << 16> chunk;
  const ssize_t count = ::read(pipe.get(), chunk.data(), chunk.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (count <= 0) {
    pipe.reset();
    return false;
  }
  text.append(chunk.data(), static_cast<std::size_t>(count));
  return true;
}

void read_what_is_there(core::Descriptor& pipe, std::string& text) {
  if (!pipe) return;
  int there = 0;
  ::ioctl(pipe.get(), FIONREAD, &there);
  const std::size_t end = text.size() + static_cast<std::size_t>(std::max(there, 0));
  while (text.size() < end && read_some(pipe, text)) continue;
}

void write_some(core::Descriptor& socket, std::string& text) {
  if (!socket || text.empty()) return;
  const ssize_t count = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    socket.reset();  // it will have ended, or has closed its input
    return;
  }
  text.erase(0, static_cast<std::size_t>(count));
}

}  // namespace

void require_program(const std::vector<std::string>& command) {
  if (command.empty()) {
    throw core::UsageError("No program to evaluate with", "the command is empty",
                           "Give a program and its arguments.");
  }
  if (path_of(command.front()).empty()) {
    throw core::UsageError(fmt::format("Cannot run '{}'", command.front()),
                           why_it_cannot_be_run(command.front()),
                           "Check the program of the command.");
  }
}

ChildProgram::ChildProgram(const std::vector<std::string>& command,
                           std::vector<std::string> environment, Input input) {
  forget_memory_kills();
  Ends in = input == Input::written ? make_input() : Ends{};
  Ends out = make_pipe();
  Ends err = make_pipe();
  process::Program program{.command = command, .environment = std::move(environment)};
  program.command.front() = path_of(command.front());
  program.descriptors = {input == Input::written ? in.its.get() : process::no_descriptor,
                         out.its.get(), err.its.get()};
  program.leaves_nothing = true;
  const process::ProgramStart start = process::start_program(program);
  if (start.error != 0) {
    throw core::UsageError(fmt::format("Cannot start '{}'", command.front()),
                           std::strerror(start.error), "Check the program of the command.");
  }
  id_ = start.pid;
  takes_input_ = input == Input::written;
  input_ = std::move(in.ours);
  output_ = std::move(out.ours);
  error_ = std::move(err.ours);
}

std::unique_ptr<ChildProgram> ChildProgram::start_patiently(
    const std::vector<std::string>& command, const std::vector<std::string>& environment,
    Input input, const std::function<bool()>& go_on) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + start_patience;
  for (auto pause = std::chrono::milliseconds(100);;
       pause = std::min(2 * pause, longest_start_pause)) {
    try {
      return std::make_unique<ChildProgram>(command, environment, input);
    } catch (const core::UsageError& error) {
      if (Clock::now() >= end) throw;
      core::log(core::LogLevel::warning, "{} Retrying in {:.1f} s.", error.what(),
                std::chrono::duration<double>(pause).count());
    }
    for (const auto next = std::min(Clock::now() + pause, end); Clock::now() < next;) {
      if (!go_on()) return nullptr;
      std::this_thread::sleep_for(std::min(pause, std::chrono::milliseconds(50)));
    }
  }
}

ChildProgram::~ChildProgram() {
  if (id_ > 0) {
    ::kill(id_, SIGTERM);
    ::waitpid(id_, nullptr, 0);
  }
}

void ChildProgram::exchange(std::string& input, std::string& output, std::string& error,
                            std::chrono::milliseconds timeout) {
  if (input_ && !input.empty()) write_some(input_, input);
  const int in = input.empty() ? -1 : input_.get();
  std::array<pollfd, 3> wanted = {
      {{output_.get(), POLLIN, 0}, {error_.get(), POLLIN, 0}, {in, POLLOUT, 0}}};
  if (::poll(wanted.data(), wanted.size(), static_cast<int>(timeout.count())) <= 0) return;
  write_some(input_, input);
  read_some(output_, output);
  read_some(error_, error);
}

void ChildProgram::forget_memory_kills() {
  constexpr auto often = std::chrono::seconds(1);
  const auto now = std::chrono::steady_clock::now();
  if (now - oom_kills_read_ < often) return;
  oom_kills_read_ = now;
  oom_kills_before_ = core::oom_kills();
}

bool ChildProgram::left_input_unread() const {
  if (!input_) return true;  // as was found when it was written
  char nothing = 0;
  return ::recv(input_.get(), &nothing, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
}

void ChildProgram::read_rest(std::string& output, std::string& error) {
  read_what_is_there(output_, output);
  read_what_is_there(error_, error);
}

std::optional<Evaluation> ChildProgram::ended() {
  int status = 0;
  if (id_ > 0 && ::waitpid(id_, &status, WNOHANG) == id_) {
    id_ = -1;
    end_ = end_by(status);
  }
  return end_;
}

Evaluation ChildProgram::end_by(int status) const {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const bool by_kernel = signal == SIGKILL && core::oom_kills() > oom_kills_before_;
    return Evaluation::failure(
        by_kernel ? Status::out_of_memory : Status::crashed,
        fmt::format("the program ended by signal {} ({}){}", signal, strsignal(signal),
                    by_kernel ? ", as the kernel lacked memory" : ""));
  }
  const int code = WEXITSTATUS(status);
  if (code == 0) return {};
  return Evaluation::failure(Status::failed,
                             fmt::format("the program ended with exit code {}", code));
}

}  // namespace hierevo::search
