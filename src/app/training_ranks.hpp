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

}  // namespace hierevo::app
