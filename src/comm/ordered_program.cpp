#include "ordered_program.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace hierevo::comm::detail {

namespace {

/// A launcher's variables: a program that found them would take itself for a rank. Of Slurm's, what
/// tells of a step, or which and how many tasks there are, goes, also where the job has it; the
/// rest stays.
bool is_of_a_launcher(std::string_view entry) {
  constexpr std::array<std::string_view, 16> beginnings = {
      "OMPI_",       "PMIX_",        "PMI_",          "PRTE_",
      "HYDRA_",      "PALS_",        "MPI_LOCAL",     "SLURM_PMI",
      "SLURM_STEP",  "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID",
      "SLURM_GTIDS", "SLURM_NTASKS", "SLURM_NPROCS",  "SLURM_TASK"};
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [entry](std::string_view begin) { return entry.starts_with(begin); });
}

}  // namespace

core::Program ordered_program(const ProcessOrder& order, int messages, int output) {
  static_assert(messages_descriptor == 3);
  return {.command = order.command,
          .environment = core::environment_with(order.environment, is_of_a_launcher),
          .descriptors = {core::no_descriptor, output, output, messages},
          .ends_by_job_signals = false,
          .memory_limit = order.memory_limit,
          .cpus = order.cpus};
}

}  // namespace hierevo::comm::detail
