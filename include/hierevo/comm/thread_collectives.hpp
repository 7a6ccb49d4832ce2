#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::comm {

/// A group of ranks that are threads of this process: for tests of code that uses Collectives, and
/// for programs that train data-parallel without MPI. The last rank to start an operation performs
/// it for all, before its start returns. Nobody looks at the time for a rank that neither waits nor
/// asks: between its start of an operation and its wait no more than a second counts.
class ThreadCollectivesGroup {
 public:
  /// Ranks 0 … size-1. Throws UsageError when `size` is below 1.
  ThreadCollectivesGroup(int size, std::chrono::nanoseconds timeout);
  ThreadCollectivesGroup(const ThreadCollectivesGroup&) = delete;
  ThreadCollectivesGroup& operator=(const ThreadCollectivesGroup&) = delete;
  /// Operations that not all ranks have started fail.
  ~ThreadCollectivesGroup();

  /// The collectives of `rank`, which live as long as the group and are for one thread. May be
  /// called from any thread. Throws UsageError when there is no such rank.
  Collectives& collectives(int rank);

 private:
  class Board;
  class Member;
  class Started;
  std::shared_ptr<Board> board_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace hierevo::comm
