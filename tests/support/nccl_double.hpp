// Stands in for the parts of CUDA and NCCL that NcclCollectives use: a test that is linked with it
// needs no GPU. Ranks are threads of one process, a device's memory is the host's, and a stream is
// a thread that does its work in order, a little late: code that forgets to wait for an event gets
// wrong data.
#pragma once

#include <chrono>

namespace hierevo::test {

/// What goes wrong on one rank, from its next start of an operation on; for the whole process.
struct NcclTrouble {
  enum class Kind {
    none,
    call_fails,   ///< ncclAllReduce returns an error
    async_error,  ///< it returns none, but NCCL reports one later
    hangs,        ///< its operations never end
    init_hangs,   ///< ncclCommInitRankConfig never ends
  };
  Kind kind = Kind::none;
  int rank = 0;
};
void set_nccl_trouble(NcclTrouble trouble);

/// How long a start of NCCL takes in the background.
void set_nccl_start(std::chrono::milliseconds time);
/// Communicators that were made and neither destroyed nor aborted.
int nccl_communicators();
int nccl_aborts();

}  // namespace hierevo::test
