#include "mpi_deaths.hpp"

#ifdef OPEN_MPI
#include <mpi-ext.h>
#endif

#include <numeric>

#include "mpi_check.hpp"

namespace hierevo::comm::detail {

#ifdef MPIX_ERR_PROC_FAILED

bool tells_of_a_death(int code) {
  int kind = MPI_SUCCESS;
  if (code == MPI_SUCCESS || MPI_Error_class(code, &kind) != MPI_SUCCESS) return false;
  return kind == MPIX_ERR_PROC_FAILED || kind == MPIX_ERR_PROC_FAILED_PENDING;
}

std::vector<int> acknowledge_deaths(MPI_Comm comm) {
  HIEREVO_MPI_CHECK(MPIX_Comm_failure_ack(comm));
  MPI_Group dead = MPI_GROUP_NULL;
  MPI_Group all = MPI_GROUP_NULL;
  HIEREVO_MPI_CHECK(MPIX_Comm_failure_get_acked(comm, &dead));
  HIEREVO_MPI_CHECK(MPI_Comm_group(comm, &all));
  int count = 0;
  HIEREVO_MPI_CHECK(MPI_Group_size(dead, &count));
  std::vector<int> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), 0);
  std::vector<int> ranks(positions.size());
  HIEREVO_MPI_CHECK(MPI_Group_translate_ranks(dead, count, positions.data(), all, ranks.data()));
  if (count > 0) HIEREVO_MPI_CHECK(MPI_Group_free(&dead));  // the empty one may be MPI's own
  HIEREVO_MPI_CHECK(MPI_Group_free(&all));
  return ranks;
}

#else

bool tells_of_a_death(int) {
  return false;
}

std::vector<int> acknowledge_deaths(MPI_Comm) {
  return {};
}

#endif

}  // namespace hierevo::comm::detail
