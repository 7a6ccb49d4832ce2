// What the programs that this one starts find in their environment.
#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "hierevo/process/start_program.hpp"

namespace hierevo::process {

namespace {

using Beginnings = std::initializer_list<std::string_view>;

bool begins_with_one_of(std::string_view entry, Beginnings beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [entry](std::string_view begin) { return entry.starts_with(begin); });
}

/// What Open MPI's mpirun tells a rank about itself and its job. It says where the ranks are by
/// the variables that a user would set, too: those of its own job are not for another one, which
/// they may not fit. All else that begins with OMPI_ is the user's.
bool is_of_open_mpi(std::string_view entry) {
  return begins_with_one_of(entry, {"OMPI_COMM_WORLD_",
                                    "OMPI_WORLD_",
                                    "OMPI_UNIVERSE_SIZE",
                                    "OMPI_NUM_APP_CTX",
                                    "OMPI_FIRST_RANKS",
                                    "OMPI_APP_CTX_NUM_PROCS",
                                    "OMPI_APP_SIZES",
                                    "OMPI_COMMAND",
                                    "OMPI_ARGV",
                                    "OMPI_FILE_LOCATION",
                                    "OMPI_MCA_ess=",
                                    "OMPI_MCA_ess_base_",
                                    "OMPI_MCA_initial_wdir",
                                    "OMPI_MCA_mpi_oversubscribe",
                                    "OMPI_MCA_num_procs",
                                    "OMPI_MCA_orte_app_num",
                                    "OMPI_MCA_orte_bound_at_launch",
                                    "OMPI_MCA_orte_ess_",
                                    "OMPI_MCA_orte_hnp_uri",
                                    "OMPI_MCA_orte_jobfam_session_dir",
                                    "OMPI_MCA_orte_launch=",
                                    "OMPI_MCA_orte_local_daemon_uri",
                                    "OMPI_MCA_orte_num_nodes",
                                    "OMPI_MCA_orte_num_restarts",
                                    "OMPI_MCA_orte_output_filename",
                                    "OMPI_MCA_orte_precondition_transports",
                                    "OMPI_MCA_orte_top_session_dir",
                                    "OMPI_MCA_pmix=^s1,s2,cray,isolated",
                                    "OMPI_MCA_rmaps_base_mapping_policy",
                                    "OMPI_MCA_rmaps_base_ranking_policy",
                                    "OMPI_MCA_rmaps_ppr_",
                                    "OMPI_MCA_rmaps_rank_file_",
                                    "OMPI_MCA_shmem_RUNTIME_QUERY_hint"});
}

/// Of PMIx and PRRTE, all but what configures them.
bool is_of_pmix(std::string_view entry) {
  if (begins_with_one_of(entry, {"PRTE_MCA_ess=", "PRTE_MCA_prte_hnp_uri"})) return true;
  return begins_with_one_of(entry, {"PMIX_", "PRTE_"}) &&
         !begins_with_one_of(entry, {"PMIX_MCA_", "PRTE_MCA_", "PRTE_ALLOW_RUN_AS_ROOT"});
}

/// Of MPICH's Hydra and its kin; HYDRA_ begins what configures it.
bool is_of_hydra(std::string_view entry) {
  return begins_with_one_of(
      entry, {"PMI_", "HYDI_", "HYDRA_CONTROL_FD", "HYDRA_PROXY_", "MPI_LOCAL", "PALS_"});
}

/// What describes a step, or which and how many tasks there are, also where the job has it.
bool is_of_a_slurm_step(std::string_view entry) {
  return begins_with_one_of(
      entry, {"SLURM_STEP", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_GTIDS",
              "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_TASK", "SLURM_PMI_", "SLURM_PMI2_",
              "SLURM_PMIXP_", "SLURM_PMIX_MAPPING_SERV"});
}

std::string_view name_of(std::string_view entry) {
  return entry.substr(0, entry.find('=') + 1);
}

}  // namespace

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> environment = more;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool replaced = std::any_of(more.begin(), more.end(), [text](const std::string& one) {
      return name_of(one) == name_of(text);
    });
    if (replaced || is_of_open_mpi(text) || is_of_pmix(text) || is_of_hydra(text) ||
        is_of_a_slurm_step(text)) {
      continue;
    }
    environment.emplace_back(text);
  }
  return environment;
}

}  // namespace hierevo::process
