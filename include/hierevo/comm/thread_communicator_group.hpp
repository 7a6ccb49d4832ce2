#pragma once

#include <memory>
#include <vector>

#include "hierevo/comm/communicator.hpp"

namespace hierevo::comm {

/// A group of ranks that are threads of this process: for tests, and for programs that embed a
/// search of several ranks without MPI (each thread calls search::run_search()). Messages pass
/// through memory; a rank whose thread has ended still gets its messages, which stay unread.
class ThreadCommunicatorGroup {
 public:
  /// Ranks 0 … size-1. Throws UsageError when `size` is below 1.
  explicit ThreadCommunicatorGroup(int size);
  ThreadCommunicatorGroup(const ThreadCommunicatorGroup&) = delete;
  ThreadCommunicatorGroup& operator=(const ThreadCommunicatorGroup&) = delete;
  ~ThreadCommunicatorGroup();

  /// The communicator of `rank`, which lives as long as the group and is for one thread. May be
  /// called from any thread. Throws UsageError when there is no such rank.
  Communicator& communicator(int rank);

 private:
  class Member;
  using Members = std::vector<std::unique_ptr<Member>>;
  Members members_;
};

}  // namespace hierevo::comm
