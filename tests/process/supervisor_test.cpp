// Processes are started for real; what is waited for is an event, never a time.
#include "hierevo/process/supervisor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stop_token>
#include <thread>

#include "hierevo/core/error.hpp"
#include "supervisor_process.hpp"
#include "support/process_watch.hpp"

namespace hierevo::process {
namespace {

using test::becomes_readable;
using test::ProcessWatch;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Cause = ProcessEnd::Cause;

constexpr std::array stop_signals = {SIGTERM, SIGINT,  SIGHUP,  SIGUSR1,
                                     SIGUSR2, SIGCONT, SIGQUIT, SIGXCPU};

LaunchSpec order(std::vector<std::string> arguments) {
  LaunchSpec order;
  order.command = std::move(arguments);
  order.command.insert(order.command.begin(), HIEREVO_SUPERVISED_PROGRAM);
  return order;
}

ProcessEnd next_end(Supervisor& supervisor) {
  while (becomes_readable(supervisor.descriptor())) {
    if (const auto end = supervisor.next_end()) return *end;
    if (supervisor.gone()) break;
  }
  ADD_FAILURE() << "no program has ended";
  return {};
}

/// How a program ends by itself.
ProcessEnd end_of(const LaunchSpec& order) {
  Supervisor supervisor;
  const auto process = supervisor.start(order);
  const ProcessEnd end = next_end(supervisor);
  EXPECT_EQ(end.id, process.id);
  return end;
}

/// Its next message; empty when its socket is closed.
std::string hear(const Supervisor::Process& process) {
  EXPECT_TRUE(becomes_readable(process.messages.get()));
  std::string text(65536, '\0');
  const ssize_t count = ::recv(process.messages.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return text;
}

void say(const Supervisor::Process& process, const std::string& text) {
  EXPECT_EQ(::send(process.messages.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

std::string all_output(const Supervisor::Process& process) {
  std::string text;
  std::array<char, 4096> chunk{};
  while (becomes_readable(process.output.get())) {
    const ssize_t count = ::read(process.output.get(), chunk.data(), chunk.size());
    if (count <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return text;
}

std::vector<pid_t> numbers_in(const std::string& text) {
  std::istringstream in(text);
  std::vector<pid_t> numbers;
  for (pid_t number = 0; in >> number;) numbers.push_back(number);
  return numbers;
}

std::vector<pid_t> children_of(pid_t id) {
  const std::string number = std::to_string(id);
  std::ostringstream text;
  text << std::ifstream("/proc/" + number + "/task/" + number + "/children").rdbuf();
  return numbers_in(text.str());
}

/// Runs a part of a test in a process of its own; its failures are this one's.
void in_a_child(const std::function<void()>& part) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    part();
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Supervisor, TellsHowAProgramEnds) {
  const ProcessEnd fine = end_of(order({"exit", "0"}));
  EXPECT_EQ(fine.cause, Cause::exited);
  EXPECT_EQ(fine.code, 0);
  const ProcessEnd code = end_of(order({"exit", "3"}));
  EXPECT_EQ(code.cause, Cause::exited);
  EXPECT_EQ(description(code), "exited with code 3");
  const ProcessEnd signal = end_of(order({"signal", std::to_string(SIGSEGV)}));
  EXPECT_EQ(signal.cause, Cause::signalled);
  EXPECT_EQ(description(signal), "ended by signal 11 (Segmentation fault)");
}

TEST(Supervisor, TellsWhyAProgramCouldNotBeStarted) {
  LaunchSpec nothing;
  EXPECT_EQ(end_of(nothing).code, EINVAL);
  nothing.command = {"/no/such/program"};
  const ProcessEnd end = end_of(nothing);
  EXPECT_EQ(end.cause, Cause::not_started);
  EXPECT_EQ(end.code, ENOENT);
  EXPECT_EQ(description(end), "could not be started: No such file or directory");
  nothing.command = {"/"};
  EXPECT_EQ(end_of(nothing).code, EACCES);
}

/// More than the socket between the two takes, each way.
TEST(Supervisor, TakesAnyNumberOfOrdersBeforeAnEndIsAskedFor) {
  constexpr std::uint64_t orders = 1000;
  Supervisor supervisor;
  LaunchSpec nothing;
  nothing.command = {"/no/such/program"};
  for (std::uint64_t i = 0; i < orders; ++i) supervisor.start(nothing);
  for (std::uint64_t i = 1; i <= orders; ++i) {
    const ProcessEnd end = next_end(supervisor);
    ASSERT_EQ(end.id, ProcessId{i});
    ASSERT_EQ(end.cause, Cause::not_started);
  }
}

TEST(Supervisor, RefusesACommandLineThatFitsInNoMessage) {
  Supervisor supervisor;
  EXPECT_THROW(supervisor.start(order({"exit", std::string(1 << 18, 'x')})), core::UsageError);
  supervisor.start(order({"exit", "4"}));
  EXPECT_EQ(next_end(supervisor).code, 4);
}

TEST(Supervisor, KnowsAKillOfItsOwnFromAnotherOne) {
  Supervisor supervisor;
  const auto process = supervisor.start(order({"echo"}));
  supervisor.kill(process.id);
  const ProcessEnd asked = next_end(supervisor);
  EXPECT_EQ(asked.id, process.id);
  EXPECT_EQ(asked.cause, Cause::killed_on_request);

  const auto other = supervisor.start(order({"children"}));
  ::kill(numbers_in(hear(other)).at(0), SIGKILL);
  const ProcessEnd not_asked = next_end(supervisor);
  EXPECT_EQ(not_asked.id, other.id);
  EXPECT_EQ(not_asked.cause, Cause::signalled);
  EXPECT_EQ(not_asked.code, SIGKILL);
  supervisor.kill(other.id);  // it has ended: nothing
  supervisor.start(order({"exit", "0"}));
  EXPECT_EQ(next_end(supervisor).cause, Cause::exited);
}

TEST(Supervisor, TellsWantOfMemoryFromOtherEnds) {
  EXPECT_EQ(end_of(order({"exit", std::to_string(out_of_memory_exit_code)})).cause,
            Cause::out_of_memory);
  LaunchSpec limited = order({"allocate"});
  limited.memory_limit = std::uint64_t{300} << 20;
  const ProcessEnd end = end_of(limited);
  EXPECT_EQ(end.cause, Cause::out_of_memory);
  EXPECT_EQ(description(end), "ran out of memory");
}

TEST(Supervisor, ALimitThatDoesNotLetAProgramStartEndsIt) {
  LaunchSpec limited = order({"exit", "0"});
  limited.memory_limit = 1 << 16;
  const ProcessEnd end = end_of(limited);
  EXPECT_NE(end.cause, Cause::killed_on_request);
  EXPECT_FALSE(end.cause == Cause::exited && end.code == 0);
}

/// A memory control group below this process's own; none where the system does not let it be made.
class MemoryGroup {
 public:
  MemoryGroup() {
    std::ifstream membership("/proc/self/cgroup");
    for (std::string line; std::getline(membership, line);) {
      const std::size_t at = line.find(":memory:");
      if (at == std::string::npos) continue;
      std::error_code error;
      const auto path = std::filesystem::path("/sys/fs/cgroup/memory" + line.substr(at + 8)) /
                        ("hierevo-test-" + std::to_string(::getpid()));
      if (std::filesystem::create_directory(path, error)) path_ = path;
    }
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;
  ~MemoryGroup() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }
  bool limit(const std::string& bytes) const {
    return !path_.empty() && write("memory.limit_in_bytes", bytes) &&
           (write("memory.memsw.limit_in_bytes", bytes) || true);
  }
  bool join() const { return write("cgroup.procs", std::to_string(::getpid())); }

 private:
  bool write(const char* name, const std::string& text) const {
    std::ofstream file(path_ / name);
    file << text << std::flush;
    return file.good();
  }
  std::filesystem::path path_;
};

TEST(Supervisor, TellsAKillByTheKernelForWantOfMemory) {
  const MemoryGroup group;
  if (!group.limit(std::to_string(256 << 20))) {
    GTEST_SKIP() << "no memory control group can be made here";
  }
  in_a_child([&] {
    ASSERT_TRUE(group.join());
    EXPECT_EQ(end_of(order({"allocate", "touch"})).cause, Cause::out_of_memory);
    // A kill after that is one from outside again.
    Supervisor supervisor;
    const auto process = supervisor.start(order({"children"}));
    ::kill(numbers_in(hear(process)).at(0), SIGKILL);
    EXPECT_EQ(next_end(supervisor).cause, Cause::signalled);
  });
}

TEST(Supervisor, EndsWithAMessageWhereARequestCannotBeRead) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  core::Descriptor ours(ends[0]);
  core::Descriptor its(ends[1]);
  testing::internal::CaptureStderr();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ours.reset();
    detail::run_supervisor(std::move(its), parent);
  }
  its.reset();
  EXPECT_EQ(::send(ours.get(), "?", 1, MSG_NOSIGNAL), 1);
  EXPECT_TRUE(becomes_readable(ours.get()));
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("request for a program cannot"));
}

TEST(Supervisor, PassesOnWhatIsPrinted) {
  Supervisor supervisor;
  const auto process = supervisor.start(order({"print", "last words\n"}));
  EXPECT_EQ(all_output(process), "last words\n");
}

TEST(Supervisor, ALateReplyIsNotTheNextPrograms) {
  Supervisor supervisor;
  const auto first = supervisor.start(order({"echo"}));
  say(first, "first");
  EXPECT_TRUE(becomes_readable(first.messages.get()));
  supervisor.kill(first.id);
  next_end(supervisor);
  const auto second = supervisor.start(order({"echo"}));
  say(second, "second");
  EXPECT_EQ(hear(second), "second");
  EXPECT_EQ(hear(first), "first");
  EXPECT_EQ(hear(first), "");
}

TEST(Supervisor, AProgramHasNothingOpenButItsOwn) {
  const core::Descriptor of_the_launcher(::fcntl(STDERR_FILENO, F_DUPFD, 100));
  Supervisor supervisor;
  const auto another = supervisor.start(order({"echo"}));
  const auto process = supervisor.start(order({"open"}));
  EXPECT_EQ(hear(process), "0 1 2 3 ");
  EXPECT_EQ(hear(process), "nothing to read");
}

TEST(Supervisor, AProgramDoesNotTakeItselfForARank) {
  in_a_child([] {
    for (const char* variable :
         {"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK", "PRTE_X", "SLURM_PROCID",
          "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "MPI_LOCALRANKID", "SLURM_PMIX_MAPPING_SERV"}) {
      ::setenv(variable, "4", 1);
    }
    ::setenv("SLURM_JOB_ID", "77", 1);
    ::setenv("OMPI_MCA_btl", "self", 1);
    ::setenv("HIEREVO_TEST_KEPT", "kept", 1);
    ::setenv("HIEREVO_TEST_CHANGED", "before", 1);
    Supervisor supervisor;
    LaunchSpec wanted = order({"environment"});
    wanted.environment = {"HIEREVO_TEST_CHANGED=after", "HIEREVO_TEST_NEW=new"};
    const std::string environment = "\n" + hear(supervisor.start(wanted));
    EXPECT_THAT(
        environment,
        AllOf(HasSubstr("\nSLURM_JOB_ID=77\n"), HasSubstr("\nHIEREVO_TEST_KEPT=kept\n"),
              HasSubstr("\nOMPI_MCA_btl=self\n"), HasSubstr("\nHIEREVO_TEST_CHANGED=after\n"),
              Not(HasSubstr("=before\n")), HasSubstr("\nHIEREVO_TEST_NEW=new\n")));
    for (const char* start :
         {"\nOMPI_COMM_WORLD_", "\nPMI_", "\nPMIX_", "\nPRTE_X", "\nSLURM_PROCID", "\nSLURM_STEP",
          "\nSLURM_NTASKS", "\nMPI_LOCAL", "\nSLURM_PMI"}) {
      EXPECT_THAT(environment, Not(HasSubstr(start)));
    }
  });
}

TEST(Supervisor, BindsAProgramToItsCores) {
  Supervisor supervisor;
  LaunchSpec bound = order({"cores"});
  const int core = ::sched_getcpu();
  bound.cpus = {core};
  EXPECT_EQ(hear(supervisor.start(bound)), std::to_string(core) + "\n");
}

TEST(Supervisor, SignalsToTheProcessGroupDisturbNoProgram) {
  in_a_child([] {
    ::setpgid(0, 0);  // not those who run the test
    for (const int signal : stop_signals) ::signal(signal, SIG_IGN);
    const auto signal_all = [] {
      for (const int signal : stop_signals) ::kill(0, signal);
    };
    for (int i = 0; i < 20; ++i) {
      // Of a process that does not ignore them itself they are handled.
      for (const int signal : stop_signals) ::signal(signal, [](int) {});
      Supervisor supervisor;
      signal_all();
      const auto process = supervisor.start(order({"echo"}));
      signal_all();
      say(process, "before");
      EXPECT_EQ(hear(process), "before");
      signal_all();
      // Nor do those that are sent to them alone.
      std::vector<pid_t> all = {supervisor.pid(), children_of(supervisor.pid()).at(0)};
      all.push_back(children_of(all.back()).at(0));
      for (const pid_t id : all) {
        for (const int signal : stop_signals) ::kill(id, signal);
      }
      say(process, "after");
      EXPECT_EQ(hear(process), "after");
      EXPECT_FALSE(supervisor.next_end());
      EXPECT_FALSE(supervisor.gone());
    }
  });
}

/// A program with children of all kinds, and who else there is.
struct Family {
  Supervisor::Process process;
  std::vector<pid_t> members;  ///< the program first

  explicit Family(Supervisor& supervisor)
      : process(supervisor.start(order({"children"}))), members(numbers_in(hear(process))) {}
};

void expect_ends(const std::vector<ProcessWatch>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(all[i].ends()) << "process " << i;
}

TEST(Supervisor, WhatAProgramHasStartedEndsWithIt) {
  Supervisor supervisor;
  const Family by_itself(supervisor);
  const auto first = test::watch_all(by_itself.members);
  ASSERT_EQ(first.size(), 4u);
  say(by_itself.process, "end");
  EXPECT_EQ(next_end(supervisor).code, 5);
  expect_ends(first);

  const Family killed(supervisor);
  const auto second = test::watch_all(killed.members);
  supervisor.kill(killed.process.id);
  expect_ends(second);

  const Family shot(supervisor);
  const auto third = test::watch_all(shot.members);
  ::kill(shot.members.at(0), SIGKILL);
  expect_ends(third);
}

TEST(Supervisor, ItsEndIsThatOfAll) {
  std::vector<ProcessWatch> all;
  {
    Supervisor supervisor;
    const Family one(supervisor);
    const Family two(supervisor);
    for (const pid_t id : one.members) all.emplace_back(id);
    for (const pid_t id : two.members) all.emplace_back(id);
    all.emplace_back(supervisor.pid());
  }
  for (const auto& process : all) EXPECT_TRUE(process.has_ended());
}

TEST(Supervisor, NothingIsLeftWhenItIsKilled) {
  for (const bool the_guard : {false, true}) {
    Supervisor supervisor;
    const Family family(supervisor);
    auto all = test::watch_all(family.members);
    const pid_t inner = children_of(supervisor.pid()).at(0);
    all.emplace_back(inner);
    all.emplace_back(supervisor.pid());
    ::kill(the_guard ? supervisor.pid() : inner, SIGKILL);
    expect_ends(all);
    EXPECT_FALSE(supervisor.gone());  // nobody has looked
    EXPECT_TRUE(becomes_readable(supervisor.descriptor()));
    while (!supervisor.gone()) supervisor.next_end();
    // What is asked for now goes nowhere, and hurts nobody.
    const auto process = supervisor.start(order({"echo"}));
    supervisor.kill(process.id);
    EXPECT_EQ(hear(process), "");
    EXPECT_FALSE(supervisor.next_end());
  }
}

TEST(Supervisor, NothingWaitsForAnOrderThatAKilledOneHasNotRead) {
  Supervisor supervisor;
  const Family family(supervisor);  // so that all is running
  const pid_t inner = children_of(supervisor.pid()).at(0);
  ::kill(inner, SIGSTOP);
  const auto process = supervisor.start(order({"echo"}));
  say(process, "hello");
  ::kill(inner, SIGKILL);
  while (!supervisor.gone()) {
    ASSERT_TRUE(becomes_readable(supervisor.descriptor()));
    supervisor.next_end();
  }
  EXPECT_EQ(hear(process), "");
}

TEST(Supervisor, NothingIsLeftWhenItsClientIsKilled) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const core::Descriptor read_end(ends[0]);
  core::Descriptor write_end(ends[1]);
  const pid_t client = ::fork();
  if (client == 0) {
    Supervisor supervisor;
    const Family family(supervisor);
    std::vector<pid_t> all = family.members;
    all.push_back(supervisor.pid());
    all.push_back(children_of(supervisor.pid()).at(0));
    static_cast<void>(!::write(write_end.get(), all.data(), all.size() * sizeof(pid_t)));
    while (true) ::pause();
  }
  std::array<pid_t, 6> ids{};
  ASSERT_EQ(::read(read_end.get(), ids.data(), sizeof ids), static_cast<ssize_t>(sizeof ids));
  const auto all = test::watch_all({ids.begin(), ids.end()});
  ::kill(client, SIGKILL);
  ::waitpid(client, nullptr, 0);
  expect_ends(all);
}

TEST(Supervisor, IsNotMadeBesideThreads) {
  std::jthread thread([](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  EXPECT_THROW(Supervisor(), core::InternalError);
}

}  // namespace
}  // namespace hierevo::process
