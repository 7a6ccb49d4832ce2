#pragma once

#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hierevo::core {

/// Exit codes of every program (docs/searching.md, "Exit codes").
enum class ExitCode : int {
  finished = 0,
  internal = 1,       ///< a bug in hierevo, or an exception nobody foresaw
  usage = 2,          ///< an option, a file or a genotype that cannot be used
  run_directory = 3,  ///< the run directory or a file cannot be used, or output cannot be written
  failures = 4,       ///< evaluations or ranks kept failing, or all failed, or memory ran out
  in_use = 5,         ///< another process works in the folder: wait for it
  saved = 75,         ///< everything is saved: run the same command again (EX_TEMPFAIL)
};

/// "problem (why). Suggestion." Every error message of hierevo has this form; `why` and
/// `suggestion` may be empty.
std::string error_text(std::string_view problem, std::string_view why = {},
                       std::string_view suggestion = {});

/// Base of all errors that hierevo throws. Subclasses differ by who must act.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  /// What a program exits with that this error ends.
  virtual ExitCode exit_code() const noexcept { return ExitCode::internal; }
};

/// The caller must act: an option, input file or genotype that cannot be used.
class UsageError : public Error {
 public:
  /// The text is error_text() of the arguments.
  explicit UsageError(std::string_view problem, std::string_view why = {},
                      std::string_view suggestion = {})
      : Error(error_text(problem, why, suggestion)) {}
  ExitCode exit_code() const noexcept override { return ExitCode::usage; }
};

/// A field of a library's options cannot have its value. The text begins with the field's name, in
/// whose place a program can put what its users call it.
class FieldError : public UsageError {
 public:
  /// The text is `field` and a space, then error_text() of the other arguments.
  FieldError(std::string_view field, std::string_view problem, std::string_view why = {},
             std::string_view suggestion = {});
  /// Name of the field.
  const std::string& field() const noexcept { return field_; }

 private:
  std::string field_;
};

/// A file operation failed; `system_error` is the errno, or 0 where another library says why.
class IoError : public Error {
 public:
  /// `operation` is what failed, such as "write"; the text says why by `system_error`.
  IoError(std::filesystem::path path, std::string_view operation, int system_error,
          std::string_view suggestion = {});
  /// For failures that have no errno: `why` says why.
  IoError(std::filesystem::path path, std::string_view operation, std::string_view why,
          std::string_view suggestion);
  /// The file or folder.
  const std::filesystem::path& path() const noexcept { return path_; }
  /// The errno, or 0.
  int system_error() const noexcept { return system_error_; }
  ExitCode exit_code() const noexcept override { return ExitCode::run_directory; }

 private:
  std::filesystem::path path_;
  int system_error_;
};

/// A saved state cannot be used: damaged, of another run, or from a newer version.
class CheckpointError : public Error {
 public:
  /// The text names `path`, then what error_text() makes of the other arguments.
  CheckpointError(std::filesystem::path path, std::string_view problem, std::string_view why = {},
                  std::string_view suggestion = {});
  /// The file or folder that holds it.
  const std::filesystem::path& path() const noexcept { return path_; }
  ExitCode exit_code() const noexcept override { return ExitCode::run_directory; }

 private:
  std::filesystem::path path_;
};

/// Another process works where this one should: it passes with time, and nothing is wrong.
class InUseError : public CheckpointError {
 public:
  /// Takes the same arguments.
  using CheckpointError::CheckpointError;
  ExitCode exit_code() const noexcept override { return ExitCode::in_use; }
};

/// Another process has taken over the folder that this one worked in, which a lock should have
/// prevented: nothing more may be written there.
class OwnershipLost : public InUseError {
 public:
  using InUseError::InUseError;
};

/// Ranks cannot talk to each other; `rank` is the peer, or -1.
class CommunicationError : public Error {
 public:
  /// `rank` is the peer, or -1; the text is error_text() of the other arguments.
  CommunicationError(int rank, std::string_view problem, std::string_view why = {},
                     std::string_view suggestion = {});
  /// The peer, or -1.
  int rank() const noexcept { return rank_; }
  ExitCode exit_code() const noexcept override { return ExitCode::failures; }

 private:
  int rank_;
};

/// The user or the system asked to stop, and the work stopped: the same command resumes it.
class Interrupted : public UsageError {
 public:
  /// Takes the same arguments.
  using UsageError::UsageError;
  ExitCode exit_code() const noexcept override { return ExitCode::saved; }
};

/// A bug in hierevo: an assumption of the program does not hold.
class InternalError : public Error {
 public:
  using Error::Error;
};

/// Whether memory, or what the system needs for another thread, did not suffice. Allocators of
/// other libraries, as Torch's for CPUs, throw exceptions that only their text distinguishes from
/// other failures.
bool is_out_of_memory(const std::exception& exception);

/// What a program that exits on an exception prints, and its exit code.
struct Failure {
  std::string text;
  ExitCode code = ExitCode::internal;
};
/// For any exception. One that hierevo does not know is a bug, unless it reports a lack of memory
/// or a file operation that failed.
Failure failure_of(const std::exception& exception);

}  // namespace hierevo::core
