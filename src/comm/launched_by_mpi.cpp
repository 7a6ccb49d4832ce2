#include <charconv>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "hierevo/comm/mpi_session.hpp"

namespace hierevo::comm {

namespace {

/// The number that the variable begins with; 0 when it is not set or no number. `whole`: nothing
/// may follow.
int number_in(const char* variable, bool whole = true) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return 0;
  const char* end = text + std::strlen(text);
  int value = 0;
  const auto [parsed_to, error] = std::from_chars(text, end, value);
  return error == std::errc() && (parsed_to == end || !whole) ? value : 0;
}

}  // namespace

bool MpiSession::launched_by_mpi() {
  // Open MPI's mpirun.
  if (number_in("OMPI_COMM_WORLD_SIZE") > 1) return true;
  // MPICH's and Intel's mpiexec, and srun --mpi=pmi2.
  if (number_in("PMI_SIZE") > 1) return true;
  // srun --mpi=pmix: PMIx tells a process its rank, only Slurm tells how many there are.
  // Slurm's variables alone mean nothing: a batch script has SLURM_NTASKS and SLURM_PROCID as well,
  // and what it starts without srun is a single process.
  if (std::getenv("PMIX_RANK") == nullptr) return false;
  const bool in_step = std::getenv("SLURM_STEP_NUM_TASKS") != nullptr;
  return number_in(in_step ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS") > 1;
}

int MpiSession::ranks_on_this_node() {
  // Open MPI; MPICH and Intel; srun, which tells "4(x2),3": four on the first two nodes, of which
  // one is rank 0's.
  for (const int ranks : {number_in("OMPI_COMM_WORLD_LOCAL_SIZE"), number_in("MPI_LOCALNRANKS"),
                          number_in("SLURM_STEP_TASKS_PER_NODE", /*whole=*/false)}) {
    if (ranks > 0) return ranks;
  }
  return 1;
}

}  // namespace hierevo::comm
