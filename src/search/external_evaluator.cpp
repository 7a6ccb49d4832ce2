#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "external_answer.hpp"
#include "genotype_file.hpp"
#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/process/start_program.hpp"
#include "hierevo/search/builtin_evaluators.hpp"

namespace hierevo::search {

namespace {

namespace fs = std::filesystem;
using evolution::Evaluation;
using evolution::Status;

/// What is kept of a program's output, from its end.
constexpr std::size_t longest_kept_output = std::size_t{1} << 16;
/// A longer line of its standard error is logged in parts.
constexpr std::size_t longest_line = 4096;
/// So long one that cannot be started is tried again: it may be about to be replaced.
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

struct Pipe {
  core::Descriptor read_end;
  core::Descriptor write_end;

  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw core::IoError("pipe", "make", errno);
    read_end = core::Descriptor(ends[0]);
    write_end = core::Descriptor(ends[1]);
  }
};

/// The end of a pipe that is to be read without waiting.
core::Descriptor reading_end(Pipe& pipe) {
  ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  return std::move(pipe.read_end);
}

/// Appends some of what a pipe has; false when that is nothing. At its end the pipe is closed.
bool read_some(core::Descriptor& pipe, std::string& text) {
  if (!pipe) return false;
  std::array<char, 4096> chunk{};
  const ssize_t count = ::read(pipe.get(), chunk.data(), chunk.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (count <= 0) {
    pipe.reset();
    return false;
  }
  text.append(chunk.data(), static_cast<std::size_t>(count));
  return true;
}

/// Appends what a pipe has at this moment, and not what comes meanwhile.
void read_what_is_there(core::Descriptor& pipe, std::string& text) {
  if (!pipe) return;
  int there = 0;
  ::ioctl(pipe.get(), FIONREAD, &there);
  const std::size_t end = text.size() + static_cast<std::size_t>(std::max(there, 0));
  while (text.size() < end && read_some(pipe, text)) continue;
}

/// A running program with its standard output and error on pipes, and nothing to read. Killed with
/// all that it has started, and waited for, when this goes.
class Child {
 public:
  /// Throws UsageError where it cannot be started.
  explicit Child(process::Program program) {
    Pipe output;
    Pipe error;
    const std::string name = program.command.front();
    program.command.front() = path_of(name);
    program.descriptors = {process::no_descriptor, output.write_end.get(), error.write_end.get()};
    program.leaves_nothing = true;
    const process::ProgramStart start = process::start_program(program);
    if (start.error != 0) {
      throw core::UsageError(fmt::format("Cannot start '{}'", name), std::strerror(start.error),
                             "Check the program of the command.");
    }
    id_ = start.pid;
    output_ = reading_end(output);
    error_ = reading_end(error);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ > 0) {
      ::kill(id_, SIGTERM);
      ::waitpid(id_, nullptr, 0);
    }
  }

  /// Appends some of what the program has printed, or does within `timeout`, to `output` and
  /// `error`; false when that is nothing.
  bool read(std::string& output, std::string& error, std::chrono::milliseconds timeout) {
    std::array<pollfd, 2> wanted = {{{output_.get(), POLLIN, 0}, {error_.get(), POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), static_cast<int>(timeout.count())) <= 0) return false;
    const bool some = read_some(output_, output);
    return read_some(error_, error) || some;
  }

  /// Appends what there is at this moment, and not what comes meanwhile.
  void read_rest(std::string& output, std::string& error) {
    read_what_is_there(output_, output);
    read_what_is_there(error_, error);
  }

  bool prints_no_more() const { return !output_ && !error_; }

  /// waitpid's status if the program has ended, and all that it left behind.
  std::optional<int> ended() {
    int status = 0;
    if (::waitpid(id_, &status, WNOHANG) != id_) return std::nullopt;
    id_ = -1;
    return status;
  }

 private:
  pid_t id_ = -1;
  core::Descriptor output_;
  core::Descriptor error_;
};

/// Tells and removes the lines of a program's standard error that are whole, or all of it.
void log_lines(std::string& text, evolution::IndividualId id, bool all) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), longest_line);
    if (end >= text.size() && !all) return;
    std::string line = text.substr(0, end);
    text.erase(0, end < text.size() && text[end] == '\n' ? end + 1 : end);
    line.erase(line.find_last_not_of("\r \t") + 1);
    if (!line.empty()) core::log(core::LogLevel::info, "Candidate {}: {}", number(id), line);
  }
}

class ExternalEvaluator final : public Evaluator {
 public:
  ExternalEvaluator(std::vector<std::string> command, fs::path run)
      : command_(std::move(command)), run_(std::move(run)) {}

  std::optional<Evaluation> evaluate(const Work& work, const ProgressCallback& progress) override {
    const GenotypeFile file(work.candidate, run_);
    process::Program program{.command = command_, .environment = environment_for(work.candidate)};
    program.command.push_back(file.path().string());
    std::optional<Child> child;
    if (!start(child, program, progress)) return std::nullopt;
    std::string output;
    std::string error;
    while (true) {
      if (!progress({})) return std::nullopt;
      // One that prints no more ends in a moment.
      child->read(output, error, std::chrono::milliseconds(child->prints_no_more() ? 5 : 50));
      if (output.size() > 2 * longest_kept_output)
        output.erase(0, output.size() - longest_kept_output);
      log_lines(error, work.candidate.id, /*all=*/false);
      const auto status = child->ended();
      if (!status) continue;
      child->read_rest(output, error);
      log_lines(error, work.candidate.id, /*all=*/true);
      return conclude(*status, output);
    }
  }

 private:
  /// False when it was asked to end meanwhile.
  static bool start(std::optional<Child>& child, const process::Program& program,
                    const ProgressCallback& progress) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + start_patience;
    for (auto pause = std::chrono::milliseconds(100);;
         pause = std::min(2 * pause, longest_start_pause)) {
      try {
        child.emplace(program);
        return true;
      } catch (const core::UsageError& error) {
        if (Clock::now() >= end) throw;
        core::log(core::LogLevel::warning, "{} Retrying in {:.1f} s.", error.what(),
                  std::chrono::duration<double>(pause).count());
      }
      for (const auto next = std::min(Clock::now() + pause, end); Clock::now() < next;) {
        if (!progress({})) return false;
        std::this_thread::sleep_for(std::min(pause, std::chrono::milliseconds(50)));
      }
    }
  }

  static std::vector<std::string> environment_for(const evolution::Candidate& candidate) {
    return process::environment_with({fmt::format("HIEREVO_ID={}", number(candidate.id)),
                                      fmt::format("HIEREVO_SEED={}", candidate.seed)});
  }

  static Evaluation conclude(int status, std::string_view output) {
    if (WIFSIGNALED(status)) {
      return Evaluation::failure(
          Status::crashed, fmt::format("the program ended by signal {} ({})", WTERMSIG(status),
                                       strsignal(WTERMSIG(status))));
    }
    if (WEXITSTATUS(status) != 0) {
      return Evaluation::failure(
          Status::failed, fmt::format("the program ended with exit code {}", WEXITSTATUS(status)));
    }
    return read_external_answer(output);
  }

  std::vector<std::string> command_;
  fs::path run_;
};

}  // namespace

std::unique_ptr<Evaluator> make_external_evaluator(std::vector<std::string> command, fs::path run) {
  if (command.empty()) {
    throw core::UsageError("No program to evaluate with", "the command is empty",
                           "Give a program and its arguments.");
  }
  if (path_of(command.front()).empty()) {
    throw core::UsageError(fmt::format("Cannot run '{}'", command.front()),
                           why_it_cannot_be_run(command.front()),
                           "Check the program of the command.");
  }
  return std::make_unique<ExternalEvaluator>(std::move(command), std::move(run));
}

}  // namespace hierevo::search
