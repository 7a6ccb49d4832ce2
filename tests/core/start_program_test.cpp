#include "hierevo/core/start_program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "close_descriptors.hpp"
#include "hierevo/core/descriptor.hpp"

namespace hierevo::core {
namespace {

struct Outcome {
  std::string printed;  ///< on descriptors 1 and 3
  int status = -1;      ///< waitpid's
};

/// Runs a script of the shell.
Outcome outcome_of(const std::string& script, Program program = {}) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
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
  const Descriptor other(::fcntl(STDERR_FILENO, F_DUPFD, 20));
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

TEST(EnvironmentWith, ReplacesAndLeavesOut) {
  ::setenv("HIEREVO_TEST_ONE", "1", 1);
  ::setenv("HIEREVO_TEST_ONE_MORE", "2", 1);
  ::setenv("HIEREVO_TEST_OTHER", "3", 1);
  const auto environment =
      environment_with({"HIEREVO_TEST_ONE=new", "HIEREVO_TEST_OTHER_ONE=4"},
                       [](std::string_view entry) { return entry == "HIEREVO_TEST_OTHER=3"; });
  const auto count = [&](const char* entry) {
    return std::count(environment.begin(), environment.end(), entry);
  };
  EXPECT_EQ(count("HIEREVO_TEST_ONE=new"), 1);
  EXPECT_EQ(count("HIEREVO_TEST_ONE=1"), 0);
  EXPECT_EQ(count("HIEREVO_TEST_ONE_MORE=2"), 1);
  EXPECT_EQ(count("HIEREVO_TEST_OTHER=3"), 0);
  EXPECT_EQ(count("HIEREVO_TEST_OTHER_ONE=4"), 1);
}

}  // namespace
}  // namespace hierevo::core
