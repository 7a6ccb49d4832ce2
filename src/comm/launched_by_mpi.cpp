#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/numbers.hpp"

namespace hierevo::comm {

namespace {

int number_in(const char* variable) {
  return core::number_in_environment<int>(variable);
}

/// As many nodes, one after another, have so many tasks.
struct Nodes {
  int count = 0;
  int tasks = 0;
};

/// Of Slurm's "4(x2),7": four tasks on each of two nodes, seven on the third.
std::vector<Nodes> nodes_in(const char* variable) {
  const char* text = std::getenv(variable);
  std::string_view rest = text == nullptr ? "" : text;
  std::vector<Nodes> nodes;
  while (!rest.empty()) {
    Nodes next{.count = 1, .tasks = core::take_number<int>(rest).value_or(0)};
    if (rest.starts_with("(x")) {
      rest.remove_prefix(2);
      next.count = core::take_number<int>(rest).value_or(1);
    }
    nodes.push_back(next);
    rest.remove_prefix(std::min(rest.size(), rest.find(',')));
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 1));
  }
  return nodes;
}

/// On this node of the step, where Slurm says which one it is; else 0.
int tasks_of_this_node() {
  if (std::getenv("SLURM_NODEID") == nullptr) return 0;
  int node = number_in("SLURM_NODEID");
  for (const auto& [count, tasks] : nodes_in("SLURM_STEP_TASKS_PER_NODE")) {
    if (node < count) return tasks;
    node -= count;
  }
  return 0;
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
  int most = std::max({1, number_in("OMPI_COMM_WORLD_LOCAL_SIZE"), number_in("MPI_LOCALNRANKS")});
  for (const Nodes& nodes : nodes_in("SLURM_STEP_TASKS_PER_NODE")) {
    most = std::max(most, nodes.tasks);
  }
  return most;
}

int MpiSession::ranks_on_this_node() {
  const int here = std::max({number_in("OMPI_COMM_WORLD_LOCAL_SIZE"), number_in("MPI_LOCALNRANKS"),
                             tasks_of_this_node()});
  return here > 0 ? here : ranks_on_a_node();
}

int MpiSession::local_rank() {
  for (const char* variable : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}) {
    if (std::getenv(variable) != nullptr) return number_in(variable);
  }
  return 0;
}

}  // namespace hierevo::comm
