#pragma once

#include <chrono>
#include <memory>
#include <span>

#include "hierevo/comm/collectives.hpp"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace hierevo::comm {

/// One GPU a rank, on its memory, by NCCL: on a stream of its own, so that it continues while the
/// network's stream computes. An operation begins after all that the network's stream was given
/// before its start; wait() keeps what the stream is given afterwards until the result is there.
/// The host waits for neither, so that an error of an operation may be thrown by a later one.
/// A thread watches; at an error, or when the time is up, it aborts NCCL, so that streams do not
/// hang. Whichever thread starts an operation has the group's GPU as its current one afterwards.
/// NCCL's own environment variables (NCCL_…) are left to the user.
///
/// In a build without CUDA and NCCL the constructor throws UsageError.
class NcclCollectives final : public Collectives {
 public:
  /// Collective over `host`, by which ranks find each other, and which must not be used meanwhile.
  /// For the calling thread's current device; `network` is the stream that computes on it, null
  /// for the default one. Throws AgreedError (agreement.hpp) where two have one GPU or a rank has
  /// none, CommunicationError where NCCL does not start within `timeout`.
  NcclCollectives(Collectives& host, CUstream_st* network, std::chrono::nanoseconds timeout);
  /// Waits until the operations in flight have succeeded or failed.
  ~NcclCollectives() override;

  int rank() const override;
  int size() const override;
  Request all_reduce(Elements elements) override;
  Request broadcast(Elements elements, int root) override;
  Request all_gather(Elements own, Elements all) override;
  Request barrier() override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hierevo::comm
