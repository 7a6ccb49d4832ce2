// A whole program around MpiSession, for what can happen only once a process. Its exit code tells.
//   finish   all ranks end well
//   throw    the last rank throws while the others wait for it: all must end, with exit code 4
//   embed    the program initialises and finalises MPI itself
//   again    a second session after the first one was finalised is refused
//   early    a communicator before MPI is initialised is refused
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string_view>

#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"

namespace {

using namespace std::chrono_literals;
using hierevo::comm::MpiCommunicator;
using hierevo::comm::MpiSession;
using hierevo::core::CommunicationError;
using hierevo::core::UsageError;

/// Every rank sends to the next.
void exchange() {
  MpiCommunicator communicator;
  communicator.send((communicator.rank() + 1) % communicator.size(), {std::byte{1}});
  if (!communicator.receive(60s)) throw CommunicationError(-1, "nothing came");
}

void throw_on_last_rank() {
  MpiCommunicator communicator;
  if (communicator.rank() == communicator.size() - 1) {
    throw CommunicationError(-1, "this rank gives up");
  }
  communicator.receive(std::chrono::nanoseconds::max());
}

bool finalised() {
  int flag = 0;
  MPI_Finalized(&flag);
  return flag != 0;
}

template <typename Action>
bool is_refused(Action action) {
  try {
    action();
    return false;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return true;
  }
}

bool run(std::string_view mode) {
  if (mode == "early") return is_refused([] { MpiCommunicator communicator; });
  if (mode == "embed") {
    MPI_Init(nullptr, nullptr);
    {
      const MpiSession session;
      exchange();
    }
    const bool kept = !finalised();
    MPI_Finalize();
    return kept;
  }
  {
    const MpiSession session;
    mode == "throw" ? throw_on_last_rank() : exchange();
  }
  if (mode == "again") return is_refused([] { MpiSession session; });
  return finalised();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return argc == 2 && run(argv[1]) ? 0 : 1;
  } catch (const hierevo::core::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    MpiSession::abort(static_cast<int>(error.exit_code()));
  }
}
