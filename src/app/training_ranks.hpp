// The processes that make one training: this one alone, or all ranks of mpirun or srun.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::app {

/// Starts MPI where several ranks were started, and gives `work` their group; `problem` is what
/// kept this rank from reading its options, which all are then told. Returns the exit code. A
/// AgreedError of `work` is reported by rank 0 alone, and all ranks end in order; after any other
/// exception its rank reports it and aborts all others, as they would wait for it.
int in_training_ranks(std::chrono::nanoseconds timeout, const std::exception_ptr& problem,
                      const std::function<int(comm::Collectives& ranks)>& work);

/// Collective: of each rank its host, and `means` with which it computes ("GPU 0"); on rank 0,
/// elsewhere empty.
std::vector<std::string> places_of(comm::Collectives& ranks, const std::string& means);

/// Collective: how many of `cores`, those that this rank may run on, are its own. Ranks of a node
/// that may run on the same ones share them equally; each has one at least.
int own_cores(comm::Collectives& ranks, const std::vector<int>& cores);

/// Threads that decode JPEG by default where a GPU trains: all cores of a rank but the one that
/// launches the GPU's work.
int loader_threads_beside_gpu(int own_cores);

}  // namespace hierevo::app
