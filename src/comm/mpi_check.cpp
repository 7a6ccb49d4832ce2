#include "mpi_check.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <array>
#include <string>

#include "hierevo/core/error.hpp"

namespace hierevo::comm::detail {

namespace {

std::string error_string(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) {
    return fmt::format("error {}", code);
  }
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string this_rank() {
  int running = 0;
  int rank = 0;
  if (MPI_Initialized(&running) != MPI_SUCCESS || running == 0) return "";
  if (MPI_Comm_rank(MPI_COMM_WORLD, &rank) != MPI_SUCCESS) return "";
  return fmt::format(" on rank {}", rank);
}

}  // namespace

void check_mpi(int code, std::string_view call) {
  if (code == MPI_SUCCESS) return;
  const std::string_view name = call.substr(0, call.find('('));
  throw core::CommunicationError(-1, fmt::format("{} failed{}", name, this_rank()),
                                 error_string(code));
}

}  // namespace hierevo::comm::detail
