// Ranks that have died, as far as MPI reports it (ULFM, "user level failure mitigation"). Where it
// does not, nothing here ever happens.
#pragma once

#include <mpi.h>

#include <vector>

namespace hierevo::comm::detail {

/// Whether an MPI call failed with `code` because a rank has died.
bool tells_of_a_death(int code);

/// The ranks of `comm` that MPI knows to be dead. They are acknowledged: receiving from any rank
/// works again until the next death.
std::vector<int> acknowledge_deaths(MPI_Comm comm);

}  // namespace hierevo::comm::detail
