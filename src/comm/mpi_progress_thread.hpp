// The thread that makes all MPI calls of MpiCollectives, and what it shares with the caller.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "backoff.hpp"
#include "hierevo/core/mailbox.hpp"
#include "mpi_chunks.hpp"
#include "stall_aware_timeout.hpp"

namespace hierevo::comm::detail {

/// An operation from its start to its end.
struct MpiJob {
  CollectiveOrder order;
  std::uint64_t number = 0;
  std::atomic<bool> ended = false;
  // What follows belongs to this thread.
  std::size_t begun = 0;      ///< elements whose chunks have begun
  std::size_t in_flight = 0;  ///< chunks
};

class MpiProgressThread : public std::enable_shared_from_this<MpiProgressThread> {
 public:
  /// Owns the channels. A thread that has not looked for `longest_call` hangs in a call of MPI.
  MpiProgressThread(const MpiChannels& channels, std::chrono::nanoseconds timeout,
                    std::chrono::nanoseconds longest_call = std::chrono::seconds(10))
      : channels_(channels), timeout_(timeout), longest_call_(longest_call), patience_(timeout) {}
  void start_thread();

  const MpiChannels& channels() const { return channels_; }

  /// For the caller's thread. These throw CommunicationError when the group is dead.
  std::shared_ptr<MpiJob> submit(const CollectiveOrder& order);
  void wait(const MpiJob& job);
  /// Whether wait() would return or throw at once.
  bool ended(const MpiJob& job) const { return job.ended || dead_; }
  /// Lets the operations in flight end, and the thread with them; a thread that hangs is abandoned.
  void finish();

 private:
  struct ChunkInFlight {
    std::shared_ptr<MpiJob> job;
    std::unique_ptr<MpiChunk> chunk;
  };

  // This thread.
  void run();
  void serve();
  void take_submitted();
  void idle();
  bool look();
  bool begin_next_chunk();
  std::size_t elements_of(const MpiJob& job) const;
  bool end_jobs();
  [[noreturn]] void throw_late() const;
  void abandon();
  void free_channels() const;

  // Both.
  template <typename Condition>
  bool wait_for(std::unique_lock<std::mutex>& lock, Condition condition);
  void die(std::string reason);
  void throw_if_dead() const;

  const MpiChannels channels_;
  const std::chrono::nanoseconds timeout_;
  const std::chrono::nanoseconds longest_call_;
  std::thread thread_;
  core::Mailbox<std::shared_ptr<MpiJob>> submitted_;  ///< null means: finish
  std::uint64_t submissions_ = 0;                     ///< the caller's
  std::atomic<std::uint64_t> looks_ = 0;              ///< that the thread is alive

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> dead_ = false;  ///< once true, reason_ stays as it is
  std::string reason_;
  bool thread_ended_ = false;

  // The thread's.
  bool finishing_ = false;
  std::deque<std::shared_ptr<MpiJob>> jobs_;  ///< that have not ended
  std::size_t next_job_ = 0;                  ///< the first with chunks that have not begun
  std::deque<ChunkInFlight> in_flight_;
  MpiBufferPool buffers_;
  Backoff backoff_;
  StallAwareTimeout patience_;  ///< with the first of the jobs
};

}  // namespace hierevo::comm::detail
