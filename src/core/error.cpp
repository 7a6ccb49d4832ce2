#include "hierevo/core/error.hpp"

#include <fmt/format.h>

#include <cctype>
#include <cstring>
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

Failure failure_of(const std::exception& exception) {
  if (const auto* error = dynamic_cast<const Error*>(&exception)) {
    return {error->what(), error->exit_code()};
  }
  if (const auto* error = dynamic_cast<const std::filesystem::filesystem_error*>(&exception)) {
    return {IoError(error->path1(), "use", error->code().value()).what(), ExitCode::usage};
  }
  return {fmt::format("internal error: {}", exception.what()), ExitCode::internal};
}

}  // namespace hierevo::core
