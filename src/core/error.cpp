#include "hierevo/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

namespace hierevo::core {

std::string error_text(std::string_view problem, std::string_view why,
                       std::string_view suggestion) {
  std::string text(problem);
  if (!why.empty()) text += fmt::format(" ({})", why);
  const bool closed = !text.empty() && std::strchr(".!?", text.back()) != nullptr;
  if (!closed) text += '.';
  if (!suggestion.empty()) text += fmt::format(" {}", suggestion);
  return text;
}

FieldError::FieldError(std::string_view field, std::string_view problem, std::string_view why,
                       std::string_view suggestion)
    : UsageError(fmt::format("{} {}", field, problem), why, suggestion), field_(field) {}

IoError::IoError(std::filesystem::path path, std::string_view operation, std::string_view why,
                 std::string_view suggestion)
    : Error(error_text(fmt::format("Cannot {} '{}'", operation, path.string()), why, suggestion)),
      path_(std::move(path)),
      system_error_(0) {}

IoError::IoError(std::filesystem::path path, std::string_view operation, int system_error,
                 std::string_view suggestion)
    : IoError(std::move(path), operation,
              system_error == 0 ? std::string_view() : std::strerror(system_error), suggestion) {
  system_error_ = system_error;
}

CheckpointError::CheckpointError(std::filesystem::path path, std::string_view problem,
                                 std::string_view why, std::string_view suggestion)
    : Error(error_text(fmt::format("'{}': {}", path.string(), problem), why, suggestion)),
      path_(std::move(path)) {}

CommunicationError::CommunicationError(int rank, std::string_view problem, std::string_view why,
                                       std::string_view suggestion)
    : Error(error_text(rank < 0 ? std::string(problem) : fmt::format("Rank {}: {}", rank, problem),
                       why, suggestion)),
      rank_(rank) {}

namespace {

std::string_view first_line(const std::exception& exception) {
  const std::string_view text = exception.what();  // Torch's have the stack in further lines
  return text.substr(0, text.find('\n'));
}

Failure failure_for_memory(const std::exception& exception) {
  const bool says_nothing = dynamic_cast<const std::bad_alloc*>(&exception) != nullptr;
  const bool thread = dynamic_cast<const std::system_error*>(&exception) != nullptr;
  return {
      error_text(thread ? "The system provides no more memory or threads" : "Not enough memory",
                 says_nothing ? "" : first_line(exception),
                 "Ask for more (of the job, ulimit -v and -u), or use fewer threads or a smaller "
                 "batch, say."),
      ExitCode::failures};
}

}  // namespace

bool is_out_of_memory(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) return true;
  if (dynamic_cast<const Error*>(&exception) != nullptr) return false;  // a file may have any name
  if (const auto* error = dynamic_cast<const std::system_error*>(&exception)) {
    return error->code() == std::errc::not_enough_memory ||
           error->code() == std::errc::resource_unavailable_try_again;
  }
  constexpr std::array signs = {"out of memory", "can't allocate memory", "not enough memory",
                                "ALLOC_FAILED"};
  const std::string_view text = first_line(exception);
  return std::any_of(signs.begin(), signs.end(), [text](const char* sign) {
    return text.find(sign) != std::string_view::npos;
  });
}

Failure failure_of(const std::exception& exception) {
  if (is_out_of_memory(exception)) return failure_for_memory(exception);
  if (const auto* error = dynamic_cast<const Error*>(&exception)) {
    return {error->what(), error->exit_code()};
  }
  if (const auto* error = dynamic_cast<const std::filesystem::filesystem_error*>(&exception)) {
    return {IoError(error->path1(), "use", error->code().value()).what(), ExitCode::usage};
  }
  return {fmt::format("internal error: {}", exception.what()), ExitCode::internal};
}

}  // namespace hierevo::core
