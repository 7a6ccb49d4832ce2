#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/numbers.hpp"

namespace hierevo::comm {

namespace {

int number_in(const char* variable) {
  return core::number_in_environment<int>(variable);
}

/// The largest number in "4(x2),7": four tasks on each of two nodes, seven on the third.
int largest_in(const char* variable) {
  const char* text = std::getenv(variable);
  std::string_view rest = text == nullptr ? "" : text;
  int largest = 0;
  while (!rest.empty()) {
    largest = std::max(largest, core::take_number<int>(rest).value_or(0));
    rest.remove_prefix(std::min(rest.size(), rest.find(',')));
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 1));
  }
  return largest;
}

}  // namespace

bool MpiSession::launched_by_mpi() {
  // Open MPI's mpirun.
  if (number_in("OMPI_COMM_WORLD_SIZE") > 1) return true;
  // MPICH's and Intel's mpiexec, and srun --mpi=pmi2.
  if (number_in("PMI_SIZE") > 1) return true;
  // srun --mpi=pmix: PMIx gives a process its rank, only Slurm the number of ranks.
  // Slurm's variables alone mean nothing: a batch script has SLURM_NTASKS and SLURM_PROCID as well,
  // and what it starts without srun is a single process.
  if (std::getenv("PMIX_RANK") == nullptr) return false;
  const bool in_step = std::getenv("SLURM_STEP_NUM_TASKS") != nullptr;
  return number_in(in_step ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS") > 1;
}

int MpiSession::ranks_on_a_node() {
  // Slurm knows all nodes; Open MPI, MPICH and Intel MPI this one.
  return std::max({1, largest_in("SLURM_STEP_TASKS_PER_NODE"),
                   number_in("OMPI_COMM_WORLD_LOCAL_SIZE"), number_in("MPI_LOCALNRANKS")});
}

int MpiSession::ranks_on_this_node() {
  const int here = std::max(number_in("OMPI_COMM_WORLD_LOCAL_SIZE"), number_in("MPI_LOCALNRANKS"));
  return here > 0 ? here : ranks_on_a_node();
}

int MpiSession::local_rank() {
  for (const char* variable : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}) {
    if (std::getenv(variable) != nullptr) return number_in(variable);
  }
  return 0;
}

}  // namespace hierevo::comm
