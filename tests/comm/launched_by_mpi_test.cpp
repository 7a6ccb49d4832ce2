#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "hierevo/comm/mpi_session.hpp"

namespace hierevo::comm {

namespace {

using Environment = std::map<std::string, std::string>;

/// Sets exactly these of the launchers' variables, and puts back what was there.
class ScopedEnvironment {
 public:
  explicit ScopedEnvironment(const Environment& wanted) {
    for (const char* name :
         {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK", "SLURM_NTASKS",
          "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS",
          "SLURM_STEP_TASKS_PER_NODE", "SLURM_NODEID"}) {
      const char* value = std::getenv(name);
      saved_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      unsetenv(name);
    }
    for (const auto& [name, value] : wanted) setenv(name.c_str(), value.c_str(), 1);
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;
  ~ScopedEnvironment() {
    for (const auto& [name, value] : saved_) {
      unsetenv(name.c_str());
      if (value) setenv(name.c_str(), value->c_str(), 1);
    }
  }

 private:
  std::map<std::string, std::optional<std::string>> saved_;
};

bool launched_with(const Environment& environment) {
  const ScopedEnvironment scope(environment);
  return MpiSession::launched_by_mpi();
}

TEST(LaunchedByMpi, alone) {
  EXPECT_FALSE(launched_with({}));
}

TEST(LaunchedByMpi, mpirun_of_open_mpi) {
  EXPECT_TRUE(launched_with({{"OMPI_COMM_WORLD_SIZE", "2"}, {"PMIX_RANK", "1"}}));
  EXPECT_FALSE(launched_with({{"OMPI_COMM_WORLD_SIZE", "1"}, {"PMIX_RANK", "0"}}));
}

TEST(LaunchedByMpi, mpiexec_of_mpich_and_srun_with_pmi2) {
  EXPECT_TRUE(launched_with({{"PMI_SIZE", "16"}, {"PMI_RANK", "3"}}));
  EXPECT_FALSE(launched_with({{"PMI_SIZE", "1"}, {"PMI_RANK", "0"}}));
}

TEST(LaunchedByMpi, srun_with_pmix) {
  EXPECT_TRUE(
      launched_with({{"PMIX_RANK", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_STEP_NUM_TASKS", "4"}}));
  EXPECT_TRUE(launched_with({{"PMIX_RANK", "0"}, {"SLURM_NTASKS", "4"}}));
}

TEST(LaunchedByMpi, srun_of_one_task_in_a_larger_job) {
  EXPECT_FALSE(
      launched_with({{"PMIX_RANK", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_STEP_NUM_TASKS", "1"}}));
}

TEST(LaunchedByMpi, batch_script_without_srun) {
  EXPECT_FALSE(launched_with({{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}}));
}

TEST(LaunchedByMpi, values_that_are_no_numbers) {
  for (const char* value : {"", "many", "4x", "-2", "99999999999999999999"}) {
    EXPECT_FALSE(launched_with({{"OMPI_COMM_WORLD_SIZE", value}})) << value;
    EXPECT_FALSE(launched_with({{"PMIX_RANK", "0"}, {"SLURM_NTASKS", value}})) << value;
  }
}

int ranks_here_with(const Environment& environment) {
  const ScopedEnvironment scope(environment);
  return MpiSession::ranks_on_a_node();
}

TEST(RanksOnANode, are_what_the_launcher_says) {
  EXPECT_EQ(ranks_here_with({}), 1);
  EXPECT_EQ(ranks_here_with({{"OMPI_COMM_WORLD_LOCAL_SIZE", "3"}}), 3);
  EXPECT_EQ(ranks_here_with({{"MPI_LOCALNRANKS", "5"}}), 5);
  EXPECT_EQ(ranks_here_with({{"SLURM_STEP_TASKS_PER_NODE", "4(x2),7,3"}}), 7);
  EXPECT_EQ(ranks_here_with({{"SLURM_STEP_TASKS_PER_NODE", "two"}}), 1);
}

// A node of a job has a rank more, which coordinates.
TEST(RanksOnThisNode, AreThoseOfTheNodeThatSlurmNames) {
  const auto ranks_on = [](const char* node, const char* tasks) {
    const ScopedEnvironment scope({{"SLURM_STEP_TASKS_PER_NODE", tasks}, {"SLURM_NODEID", node}});
    return MpiSession::ranks_on_this_node();
  };
  EXPECT_EQ(ranks_on("0", "5,4(x3),7"), 5);
  EXPECT_EQ(ranks_on("1", "5,4(x3),7"), 4);
  EXPECT_EQ(ranks_on("3", "5,4(x3),7"), 4);
  EXPECT_EQ(ranks_on("4", "5,4(x3),7"), 7);
  // The most that a node has, where it is not said.
  EXPECT_EQ(ranks_on("5", "5,4(x3),7"), 7);
  EXPECT_EQ(ranks_on("0", "x"), 1);
  const ScopedEnvironment scope(Environment{{"SLURM_STEP_TASKS_PER_NODE", "5,4(x3)"}});
  EXPECT_EQ(MpiSession::ranks_on_this_node(), 5);
}

}  // namespace

}  // namespace hierevo::comm
