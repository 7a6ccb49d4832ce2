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

bool mpi_is_running() {
  int initialised = 0;
  int finalised = 0;
  HIEREVO_MPI_CHECK(MPI_Initialized(&initialised));
  HIEREVO_MPI_CHECK(MPI_Finalized(&finalised));
  return initialised != 0 && finalised == 0;
}

void require_mpi(std::string_view who) {
  if (mpi_is_running()) return;
  throw core::UsageError(fmt::format("{} needs MPI to be running", who),
                         "it is not initialised, or finalised already",
                         "Keep an MpiSession as long as it is used.");
}

void require_mpi_for_threads(std::string_view who) {
  int provided = MPI_THREAD_SINGLE;
  HIEREVO_MPI_CHECK(MPI_Query_thread(&provided));
  if (provided >= MPI_THREAD_SERIALIZED) return;
  throw core::UsageError(
      fmt::format("{} needs MPI to be called by several threads, one at a time", who),
      "it was not initialised for that",
      "Initialise it with MPI_Init_thread and MPI_THREAD_SERIALIZED.");
}

}  // namespace hierevo::comm::detail
