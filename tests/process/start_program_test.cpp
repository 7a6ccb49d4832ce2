#include "hierevo/process/start_program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string>

#include "close_descriptors.hpp"
#include "hierevo/core/descriptor.hpp"
#include "support/process_watch.hpp"

namespace hierevo::process {
namespace {

struct Outcome {
  std::string printed;  ///< on descriptors 1 and 3
  int status = -1;      ///< waitpid's
};

/// Runs a script of the shell.
Outcome outcome_of(const std::string& script, Program program = {}) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const core::Descriptor read_end(ends[0]);
  core::Descriptor write_end(ends[1]);
  program.command = {"/bin/sh", "-c", script};
  program.descriptors = {no_descriptor, ends[1], STDERR_FILENO, ends[1]};
  const ProgramStart start = start_program(program);
  EXPECT_EQ(start.error, 0);
  write_end.reset();
  Outcome outcome;
  char letter = 0;
  while (::read(read_end.get(), &letter, 1) == 1) outcome.printed += letter;
  ::waitpid(start.pid, &outcome.status, 0);
  return outcome;
}

TEST(StartProgram, GivesItItsDescriptorsAndNoOthers) {
  const core::Descriptor other(::fcntl(STDERR_FILENO, F_DUPFD, 20));
  ASSERT_TRUE(other);
  const std::string other_in_proc = "/proc/self/fd/" + std::to_string(other.get());
  const Outcome outcome =
      outcome_of("read line || echo nothing to read; echo three >&3; [ -e " + other_in_proc +
                 " ] || echo closed; [ -e /proc/self/fd/4 ] || echo closed too");
  EXPECT_EQ(outcome.printed, "nothing to read\nthree\nclosed\nclosed too\n");
  EXPECT_EQ(outcome.status, 0);
}

TEST(StartProgram, GivesItItsEnvironmentAndAGroup) {
  EXPECT_EQ(outcome_of("echo $A-$HOME-$B; [ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leads",
                       {.environment = {"A=1", "B=2", "PATH=/usr/bin:/bin"}})
                .printed,
            "1--2\nleads\n");
}

TEST(StartProgram, JobSignalsEndItOrNot) {
  const auto before = ::signal(SIGTERM, SIG_IGN);
  const std::string script = "kill -TERM $$; echo lives";
  EXPECT_EQ(outcome_of(script, {.ends_by_job_signals = false}).printed, "lives\n");
  const Outcome outcome = outcome_of(script);
  EXPECT_EQ(outcome.printed, "");
  EXPECT_TRUE(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGTERM);
  ::signal(SIGTERM, before);
}

TEST(StartProgram, TellsWhyItCouldNotBeStarted) {
  EXPECT_EQ(start_program({}).error, EINVAL);
  EXPECT_EQ(start_program({.command = {"/no/such/program"}}).error, ENOENT);
  EXPECT_EQ(start_program({.command = {"/"}}).error, EACCES);
  EXPECT_EQ(start_program({.command = {"/bin/true"}, .descriptors = {9999}}).error, EBADF);
}

TEST(StartProgram, TellsThatThereAreNoDescriptorsForIt) {
  const pid_t child = ::fork();
  if (child == 0) {
    close_descriptors_from(3);
    const rlimit few{5, 5};  // a pipe, and nothing for the places
    ::setrlimit(RLIMIT_NOFILE, &few);
    const auto start = start_program(
        {.command = {"/bin/true"}, .descriptors = {0, 1, 2, STDOUT_FILENO, STDERR_FILENO}});
    ::_exit(start.pid == -1 && start.error == EINVAL ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(StartProgram, WhatThisProcessIgnoresForItselfEndsIt) {
  for (const int signal : {SIGPIPE, SIGXFSZ}) {
    const auto before = ::signal(signal, SIG_IGN);
    for (const bool ends : {true, false}) {
      const Outcome outcome = outcome_of("kill -" + std::to_string(signal) + " $$; echo lives",
                                         {.ends_by_job_signals = ends});
      EXPECT_EQ(outcome.printed, "");
      EXPECT_TRUE(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == signal);
    }
    ::signal(signal, before);
  }
}

/// One that has moved to a session of its own, and one whose parent has ended besides; neither ends
/// by what ends others. Prints their ids.
const std::string leave_two_behind =
    "trap '' TERM HUP; setsid sleep 1000 & echo $!; (setsid sleep 1000 & echo $!); ";

Program leaving_nothing() {
  return {.environment = environment_with({}), .leaves_nothing = true};
}

void expect_gone(const std::string& printed, std::size_t count) {
  std::istringstream ids(printed);
  std::size_t found = 0;
  for (pid_t id = 0; ids >> id; ++found) {
    EXPECT_TRUE(::kill(id, 0) != 0 && errno == ESRCH) << id << " is still there";
  }
  EXPECT_EQ(found, count);
}

TEST(StartProgram, LeavesNothingBehindAndEndsAsTheProgramDoes) {
  const Outcome exited = outcome_of(leave_two_behind + "exit 7", leaving_nothing());
  expect_gone(exited.printed, 2);
  EXPECT_TRUE(WIFEXITED(exited.status) && WEXITSTATUS(exited.status) == 7);
  for (const int signal : {SIGKILL, SIGSEGV, SIGTERM}) {
    const Outcome ended =
        outcome_of("(setsid sleep 1000 & echo $!); kill -" + std::to_string(signal) + " $$",
                   leaving_nothing());
    expect_gone(ended.printed, 1);
    EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == signal);
  }
}

TEST(StartProgram, OfOtherChildrenItEndsNone) {
  const pid_t other = ::fork();
  while (other == 0) ::pause();
  expect_gone(outcome_of(leave_two_behind, leaving_nothing()).printed, 2);
  EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), 0);
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
}

TEST(StartProgram, ToldToEndItLeavesNothing) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const core::Descriptor read_end(ends[0]);
  core::Descriptor write_end(ends[1]);
  Program program = leaving_nothing();
  // None of them keeps what it printed to open: nobody else does.
  program.command = {"/bin/sh", "-c",
                     "exec 3>&1 >/dev/null; trap '' TERM; setsid sleep 1000 3>&- & echo $$ $! >&3; "
                     "exec sleep 1000 3>&-"};
  program.descriptors = {no_descriptor, ends[1], STDERR_FILENO};
  const ProgramStart start = start_program(program);
  ASSERT_EQ(start.error, 0);
  write_end.reset();
  std::string printed;
  char letter = 0;
  while (::read(read_end.get(), &letter, 1) == 1) printed += letter;
  EXPECT_EQ(::waitpid(start.pid, nullptr, WNOHANG), 0);
  ::kill(start.pid, SIGTERM);
  EXPECT_EQ(::waitpid(start.pid, nullptr, 0), start.pid);
  expect_gone(printed, 2);
}

/// The pipe ends with the last of them.
TEST(StartProgram, WhereTheOneThatStartedItEndsNothingIsLeft) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const core::Descriptor read_end(ends[0]);
  core::Descriptor write_end(ends[1]);
  const pid_t starter = ::fork();
  if (starter == 0) {
    Program program = leaving_nothing();
    program.command = {"/bin/sh", "-c", leave_two_behind + "exec sleep 1000"};
    program.descriptors = {no_descriptor, ends[1], STDERR_FILENO};
    if (start_program(program).error != 0) ::_exit(1);
    while (true) ::pause();
  }
  write_end.reset();
  std::string printed;
  char letter = 0;
  while (std::count(printed.begin(), printed.end(), '\n') < 2 &&
         ::read(read_end.get(), &letter, 1) == 1) {
    printed += letter;
  }
  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  EXPECT_TRUE(test::becomes_readable(read_end.get()));
  EXPECT_EQ(::read(read_end.get(), &letter, 1), 0);
}

TEST(StartProgram, TellsWhyOneThatLeavesNothingCouldNotBeStarted) {
  Program program = leaving_nothing();
  program.command = {"/no/such/program"};
  EXPECT_EQ(start_program(program).error, ENOENT);
}

std::size_t count_of(const std::vector<std::string>& environment, const char* entry) {
  return static_cast<std::size_t>(std::count(environment.begin(), environment.end(), entry));
}

TEST(EnvironmentWith, Replaces) {
  ::setenv("HIEREVO_TEST_ONE", "1", 1);
  ::setenv("HIEREVO_TEST_ONE_MORE", "2", 1);
  const auto environment = environment_with({"HIEREVO_TEST_ONE=new", "HIEREVO_TEST_OTHER=4"});
  EXPECT_EQ(count_of(environment, "HIEREVO_TEST_ONE=new"), 1u);
  EXPECT_EQ(count_of(environment, "HIEREVO_TEST_ONE=1"), 0u);
  EXPECT_EQ(count_of(environment, "HIEREVO_TEST_ONE_MORE=2"), 1u);
  EXPECT_EQ(count_of(environment, "HIEREVO_TEST_OTHER=4"), 1u);
}

TEST(EnvironmentWith, LeavesOutWhatALauncherSaysAndKeepsWhatConfiguresOne) {
  const std::vector<std::string> of_the_rank = {"OMPI_COMM_WORLD_RANK",
                                                "OMPI_UNIVERSE_SIZE",
                                                "OMPI_MCA_ess",
                                                "OMPI_MCA_ess_base_vpid",
                                                "OMPI_MCA_orte_ess_num_procs",
                                                "OMPI_MCA_orte_hnp_uri",
                                                "OMPI_MCA_orte_launch",
                                                "OMPI_MCA_rmaps_ppr_n_pernode",
                                                "PMIX_RANK",
                                                "PMIX_NAMESPACE",
                                                "PRTE_LAUNCHED",
                                                "PMI_RANK",
                                                "PMI_FD",
                                                "HYDI_CONTROL_FD",
                                                "MPI_LOCALRANKID",
                                                "PALS_RANKID",
                                                "SLURM_PROCID",
                                                "SLURM_STEP_ID",
                                                "SLURM_NTASKS",
                                                "SLURM_PMIXP_ABORT_AGENT_PORT"};
  const std::vector<std::string> of_the_user = {"OMPI_MCA_btl",
                                                "OMPI_MCA_rmaps_base_oversubscribe",
                                                "OMPI_MCA_orte_base_help_aggregate",
                                                "OMPI_ALLOW_RUN_AS_ROOT",
                                                "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                                                "OMPI_CC",
                                                "PMIX_MCA_gds",
                                                "PRTE_MCA_rmaps_default_mapping_policy",
                                                "PRTE_ALLOW_RUN_AS_ROOT",
                                                "HYDRA_LAUNCHER",
                                                "HYDRA_HOST_FILE",
                                                "SLURM_PMIX_TIMEOUT",
                                                "SLURM_JOB_ID"};
  for (const auto& names : {of_the_rank, of_the_user}) {
    for (const std::string& name : names) ::setenv(name.c_str(), "test", 1);
  }
  const auto environment = environment_with({});
  for (const std::string& name : of_the_rank) {
    EXPECT_EQ(count_of(environment, (name + "=test").c_str()), 0u) << name;
  }
  for (const std::string& name : of_the_user) {
    EXPECT_EQ(count_of(environment, (name + "=test").c_str()), 1u) << name;
  }
  for (const auto& names : {of_the_rank, of_the_user}) {
    for (const std::string& name : names) ::unsetenv(name.c_str());
  }
}

}  // namespace
}  // namespace hierevo::process
