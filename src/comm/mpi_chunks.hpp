// How operations become MPI calls: in chunks, so that no count exceeds what MPI can take, and so
// that one chunk is on its way while another is summed.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "collective_order.hpp"

namespace hierevo::comm::detail {

/// Calls on a communicator must begin in the same order on all ranks. A chunk's second call begins
/// when its first has ended, which is not at the same time everywhere: so second calls have a
/// communicator of their own, on which theirs is the only order.
struct MpiChannels {
  MPI_Comm first = MPI_COMM_NULL;
  MPI_Comm second = MPI_COMM_NULL;
  int rank = 0;
  int size = 0;
};

/// Memory that chunks use one after the other: fresh memory would cost more than what is done
/// there.
class MpiBufferPool {
 public:
  std::vector<std::byte> take(std::size_t bytes);
  /// Those of chunks without any, like a barrier's, are left out: they would come to lie in front
  /// of the others, which would never be taken again.
  void give_back(std::vector<std::byte> buffer) {
    if (!buffer.empty()) buffers_.push_back(std::move(buffer));
  }

 private:
  std::vector<std::vector<std::byte>> buffers_;
};

/// A part of an operation's elements. Throws CommunicationError when MPI fails.
class MpiChunk {
 public:
  virtual ~MpiChunk() = default;

  void begin() { start_first(request_); }

  /// Continues if a call has completed. The second call begins only with `turn`, which
  /// means that no earlier chunk has its own still before it. Says whether anything has changed.
  bool advance(bool turn);

  bool second_is_ahead() const { return has_second_ && state_ != State::second; }
  bool done() const { return state_ == State::done; }
  /// For the next chunk, when this one is done.
  std::vector<std::byte> take_buffer() { return std::move(buffer_); }

 protected:
  MpiChunk(const MpiChannels& channels, bool has_second)
      : channels_(channels), has_second_(has_second) {}

  virtual void start_first(MPI_Request& request) = 0;
  virtual void after_first() {}
  virtual void start_second(MPI_Request& /*request*/) {}

  const MpiChannels channels_;
  std::vector<std::byte> buffer_;

 private:
  enum class State { first, between, second, done };

  const bool has_second_;
  State state_ = State::first;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

/// The most elements of `order` that a chunk has.
std::size_t most_in_a_chunk(const CollectiveOrder& order, int size);

/// Elements `begin` … `begin` + `count` of `order`, not begun yet.
std::unique_ptr<MpiChunk> make_chunk(const MpiChannels& channels, const CollectiveOrder& order,
                                     std::size_t begin, std::size_t count, MpiBufferPool& buffers);

}  // namespace hierevo::comm::detail
