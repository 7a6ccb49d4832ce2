// A whole program around MpiSession, for what can happen only once a process. Its exit code tells.
//   finish        all ranks end well
//   throw         the last rank throws while the others wait for it: all must end, with exit code 4
//   throw_first   the same, before the others have made their communicators, for which they need it
//   absent        the last rank does not come to a group: the others say so in time and end, with 4
//   abort         the last rank ends all, with exit code 7
//   abort_before  … this process, before MPI is initialised; abort_after: after it was finalised
//   told          all ranks get what rank 0 says, whatever its length, and meet
//   embed         the program initialises and finalises MPI itself, for one thread
//   embed_for_one_thread  the same, and a session for several is refused
//   embed_for_threads     the program initialises MPI for several, and a session for them is fine
//   again         a second session after the first one was finalised is refused
//   early         a communicator before MPI is initialised is refused
//   signals       what the program does at a signal stays so, whatever MPI loads
//   suspended     the whole job stands still for longer than the time-out of a group, and goes on
#include <mpi.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "hierevo/comm/mpi_collectives.hpp"
#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "support/suspension.hpp"

namespace {

using namespace std::chrono_literals;
using hierevo::comm::MpiCollectives;
using hierevo::comm::MpiCommunicator;
using hierevo::comm::MpiSession;
using hierevo::comm::MpiThreads;
using hierevo::core::CommunicationError;
using hierevo::core::UsageError;

constexpr auto patience = 60s;

int rank() {
  int result = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &result);
  return result;
}

bool is_last() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return rank() == size - 1;
}

/// Every rank sends to the next.
void exchange() {
  MpiCommunicator communicator;
  communicator.send((communicator.rank() + 1) % communicator.size(), {std::byte{1}});
  if (!communicator.receive(patience)) throw CommunicationError(-1, "nothing came");
}

bool finalised() {
  int flag = 0;
  MPI_Finalized(&flag);
  return flag != 0;
}

template <typename Action>
bool is_refused(Action action, std::string_view why) {
  try {
    action();
    return false;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return std::string_view(error.what()).find(why) != std::string_view::npos;
  }
}

bool finish() {
  {
    const MpiSession session;
    exchange();
  }
  return finalised();
}

bool throw_on_last_rank() {
  const MpiSession session;
  MpiCommunicator communicator;
  if (is_last()) throw CommunicationError(communicator.rank(), "this rank gives up");
  communicator.receive(std::chrono::nanoseconds::max());
  return false;
}

bool throw_before_the_others() {
  const MpiSession session;
  if (is_last()) throw CommunicationError(rank(), "this rank gives up");
  exchange();
  return false;
}

/// The last rank only waits for the end that the others bring.
bool stay_absent() {
  const MpiSession session(MpiThreads::serialized);
  while (is_last()) ::pause();
  try {
    const MpiCollectives group(1s);
  } catch (const CommunicationError& error) {
    const std::string begin = "Rank " + std::to_string(rank()) + ": the group of ranks does not";
    if (std::string_view(error.what()).starts_with(begin)) throw;
    std::fprintf(stderr, "not what was expected: %s\n", error.what());
  }
  return false;
}

bool abort_all() {
  const MpiSession session;
  exchange();
  if (is_last()) MpiSession::abort(7);
  session.meet();
  return false;
}

bool abort_after_the_end() {
  finish();
  MpiSession::abort(7);
}

bool tell() {
  const MpiSession session;
  bool right = true;
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, std::size_t{3} << 20}) {
    const std::string text(length, 'a');
    right = right && session.from_rank_0(rank() == 0 ? text : "something else") == text;
  }
  session.meet();
  return right;
}

/// What a program does that has initialised MPI at `level` itself.
bool embed(int level, const std::function<bool()>& action) {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, level, &provided);
  const bool right = action() && !finalised();
  MPI_Finalize();
  return right;
}

bool use_session(MpiThreads threads) {
  const MpiSession session(threads);
  exchange();
  return true;
}

bool is_refused_threads() {
  const bool refused = is_refused([] { MpiSession session(MpiThreads::serialized); },
                                  "This session needs MPI to be called by several threads");
  return refused && use_session(MpiThreads::funneled);
}

bool use_group() {
  const MpiSession session(MpiThreads::serialized);
  MpiCollectives group(patience);
  group.barrier().wait();
  return true;
}

bool start_again() {
  return finish() && is_refused([] { MpiSession session; }, "MPI cannot be started again");
}

bool start_early() {
  return is_refused([] { MpiCommunicator communicator; }, "needs MPI to be running") &&
         is_refused([] { MpiCollectives group(patience); }, "needs MPI to be running");
}

volatile std::sig_atomic_t hang_ups = 0;

bool keep_signals() {
  std::signal(SIGHUP, [](int) { hang_ups = hang_ups + 1; });
  std::signal(SIGUSR1, SIG_IGN);
  const MpiSession session;
  exchange();
  std::ifstream maps("/proc/self/maps");
  const std::string loaded(std::istreambuf_iterator<char>(maps), {});
  if (loaded.find("libucs") == loaded.npos) std::puts("UCX is not loaded");  // skips the test
  std::raise(SIGHUP);
  std::raise(SIGUSR1);
  return hang_ups == 1;
}

/// Rank 0 waits for the others while all stand still; they come after that. Of each rank a process
/// that was forked before MPI began suspends it.
bool stand_still() {
  hierevo::test::Signpost begin;
  hierevo::test::Signpost over;
  if (::fork() == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    begin.keep_only_reading();
    if (begin.wait()) hierevo::test::suspend(::getppid(), 4s);
    over.show();
    ::_exit(0);
  }
  const MpiSession session(MpiThreads::serialized);
  MpiCollectives group(2s);
  group.barrier().wait();
  hierevo::comm::Request barrier;
  if (group.rank() == 0) barrier = group.barrier();
  begin.show();
  over.wait();
  if (group.rank() != 0) {
    std::this_thread::sleep_for(200ms);
    barrier = group.barrier();
  }
  barrier.wait();
  return true;
}

const std::map<std::string_view, std::function<bool()>> modes = {
    {"finish", finish},
    {"throw", throw_on_last_rank},
    {"throw_first", throw_before_the_others},
    {"absent", stay_absent},
    {"abort", abort_all},
    {"abort_before", []() -> bool { MpiSession::abort(7); }},
    {"abort_after", abort_after_the_end},
    {"signals", keep_signals},
    {"told", tell},
    {"embed", [] { return embed(MPI_THREAD_SINGLE, [] { return use_session({}); }); }},
    {"embed_for_one_thread", [] { return embed(MPI_THREAD_FUNNELED, is_refused_threads); }},
    {"embed_for_threads", [] { return embed(MPI_THREAD_SERIALIZED, use_group); }},
    {"again", start_again},
    {"early", start_early},
    {"suspended", stand_still},
};

}  // namespace

int main(int argc, char** argv) {
  try {
    return argc == 2 && modes.at(argv[1])() ? 0 : 1;
  } catch (const hierevo::core::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    MpiSession::abort(static_cast<int>(error.exit_code()));
  }
}
