#pragma once

#include <chrono>
#include <memory>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::comm {

namespace detail {
struct CollectiveOrder;
class MpiProgressThread;
}  // namespace detail

/// The ranks of MPI_COMM_WORLD, on the host's memory, over duplicates of it: these messages never
/// mix with others. A thread of its own makes all MPI calls, so that communication continues while
/// the rank computes; it sleeps where there is nothing to do. From construction to destruction
/// nobody else in the process may call MPI, except MpiSession::abort.
///
/// After a CommunicationError MPI may still use the memory of operations that were in flight, and
/// MPI_Finalize would wait forever: report the error, then call MpiSession::abort.
///
/// In a build without MPI the constructor throws UsageError.
class MpiCollectives final : public Collectives {
 public:
  /// Collective over MPI_COMM_WORLD: every rank must construct one. Throws UsageError when MPI is
  /// not running or was not started for MPI_THREAD_SERIALIZED (see MpiSession), CommunicationError
  /// when MPI fails or the other ranks do not come within `timeout`.
  explicit MpiCollectives(std::chrono::nanoseconds timeout);
  /// Waits until the operations in flight have succeeded or failed. Where all succeeded
  /// the duplicates are freed, which waits for nobody.
  ~MpiCollectives() override;

  int rank() const override;
  int size() const override;
  Request all_reduce(Elements elements) override;
  Request broadcast(Elements elements, int root) override;
  Request all_gather(Elements own, Elements all) override;
  Request barrier() override;

 private:
  Request start(const detail::CollectiveOrder& order);
  std::shared_ptr<detail::MpiProgressThread> thread_;
};

}  // namespace hierevo::comm
