#pragma once

#include <mpi.h>

#include <array>
#include <string>

namespace hierevo::test {

/// This MPI's text for an error code: each MPI has its own.
inline std::string text_of(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace hierevo::test
