#include "hierevo/comm/mpi_session.hpp"

#include <mpi.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "mpi_check.hpp"

namespace hierevo::comm {

namespace {

bool initialised() {
  int flag = 0;
  HIEREVO_MPI_CHECK(MPI_Initialized(&flag));
  return flag != 0;
}

bool finalised() {
  int flag = 0;
  HIEREVO_MPI_CHECK(MPI_Finalized(&flag));
  return flag != 0;
}

/// Gives the program its signals back that libraries below MPI have taken while this lives: UCX
/// takes SIGHUP, to become talkative at it. Those that the program left as they were, MPI may keep.
class KeptSignals {
 public:
  KeptSignals() {
    for (int signal = 1; signal < NSIG; ++signal) {
      struct sigaction action {};
      if (::sigaction(signal, nullptr, &action) != 0) continue;  // the C library's own
      const bool untouched = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
      if (!untouched) actions_.emplace_back(signal, action);
    }
  }
  KeptSignals(const KeptSignals&) = delete;
  KeptSignals& operator=(const KeptSignals&) = delete;
  ~KeptSignals() {
    for (const auto& [signal, action] : actions_) ::sigaction(signal, &action, nullptr);
  }

 private:
  std::vector<std::pair<int, struct sigaction>> actions_;
};

int level_of(MpiThreads threads) {
  return threads == MpiThreads::serialized ? MPI_THREAD_SERIALIZED : MPI_THREAD_FUNNELED;
}

void initialise(MpiThreads threads) {
  const KeptSignals kept;
  int provided = MPI_THREAD_SINGLE;
  HIEREVO_MPI_CHECK(MPI_Init_thread(nullptr, nullptr, level_of(threads), &provided));
  if (provided < level_of(threads)) {
    throw core::CommunicationError(-1, "MPI started without support for threads",
                                   threads == MpiThreads::serialized
                                       ? "MPI_THREAD_SERIALIZED was asked for"
                                       : "MPI_THREAD_FUNNELED was asked for",
                                   "Use an MPI library that was built with threads.");
  }
  // So that a failure becomes an exception that names the call.
  HIEREVO_MPI_CHECK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
}

/// What a program that embeds this one has asked MPI for.
void check_thread_level(MpiThreads threads) {
  if (threads == MpiThreads::serialized) return detail::require_mpi_for_threads("This session");
  int provided = MPI_THREAD_SINGLE;
  HIEREVO_MPI_CHECK(MPI_Query_thread(&provided));
  if (provided >= MPI_THREAD_FUNNELED) return;
  // Refusing would shut out every program that calls plain MPI_Init, and the known MPI libraries
  // make no difference between "single" and "funneled".
  core::log(core::LogLevel::warning,
            "MPI was initialised without threads, and hierevo runs some that do not call MPI. "
            "Initialise it with MPI_Init_thread and MPI_THREAD_FUNNELED.");
}

}  // namespace

MpiSession::MpiSession(MpiThreads threads)
    : finalises_(false), exceptions_(std::uncaught_exceptions()) {
  if (finalised()) {
    throw core::UsageError("MPI cannot be started again",
                           "this process has finalised it before, and MPI starts only once",
                           "Keep one MpiSession for the whole program.");
  }
  if (initialised()) {
    check_thread_level(threads);
    return;
  }
  initialise(threads);
  finalises_ = true;
}

MpiSession::~MpiSession() {
  const bool unwinding = std::uncaught_exceptions() > exceptions_;
  if (finalises_ && !unwinding) MPI_Finalize();
}

std::string MpiSession::from_rank_0(std::string_view text) const {
  auto size = static_cast<std::uint32_t>(text.size());
  HIEREVO_MPI_CHECK(MPI_Bcast(&size, 1, MPI_UINT32_T, 0, MPI_COMM_WORLD));
  std::string told(text);
  told.resize(size);  // on rank 0 it has this size
  HIEREVO_MPI_CHECK(MPI_Bcast(told.data(), static_cast<int>(size), MPI_CHAR, 0, MPI_COMM_WORLD));
  return told;
}

void MpiSession::meet() const {
  HIEREVO_MPI_CHECK(MPI_Barrier(MPI_COMM_WORLD));
}

void MpiSession::abort(int exit_code) {
  if (initialised() && !finalised()) MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::exit(exit_code);
}

}  // namespace hierevo::comm
