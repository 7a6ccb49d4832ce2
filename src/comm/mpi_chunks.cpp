#include "mpi_chunks.hpp"

#include <algorithm>
#include <cstring>

#include "hierevo/core/error.hpp"
#include "mpi_check.hpp"
#include "reduce_elements.hpp"

namespace hierevo::comm::detail {

namespace {

/// What a rank has of a chunk that is summed: large enough that MPI's work for a message is small
/// beside it, small enough that it is still in the cache when it is summed.
constexpr std::size_t slice_bytes = std::size_t{256} << 10;
/// What a whole chunk has at most, whatever the number of ranks.
constexpr std::size_t piece_bytes = std::size_t{16} << 20;
/// What is only passed on.
constexpr std::size_t broadcast_bytes = std::size_t{1} << 20;

int to_int(std::size_t bytes) {
  return static_cast<int>(bytes);  // chunks are far smaller than any int
}

std::byte* at(const Elements& elements, std::size_t index) {
  return static_cast<std::byte*>(elements.data) + index * size_of(elements.type);
}

/// Every rank sums one slice of the chunk for all: it gets that slice of all ranks, adds in their
/// order, and gives the result to all. So each result is computed once, in one known order, and
/// bfloat16 is rounded once; what goes over the network is what any good algorithm sends.
class SumChunk final : public MpiChunk {
 public:
  SumChunk(const MpiChannels& channels, const CollectiveOrder& order, std::size_t begin,
           std::size_t count, MpiBufferPool& buffers)
      : MpiChunk(channels, true), part_{at(order.elements, begin), count, order.elements.type} {
    const auto ranks = static_cast<std::size_t>(channels.size);
    const std::size_t slice = (count + ranks - 1) / ranks;
    for (std::size_t rank = 0; rank <= ranks; ++rank) {
      borders_.push_back(std::min(rank * slice, count));
    }
    buffer_ = buffers.take(own_bytes() * ranks);
  }

 private:
  void start_first(MPI_Request& request) override {
    for (std::size_t rank = 0; rank + 1 < borders_.size(); ++rank) {
      const bool self = rank == own();
      slice_counts_.push_back(self ? 0 : bytes_of(rank));
      slice_places_.push_back(place_of(rank));
      buffer_counts_.push_back(self ? 0 : to_int(own_bytes()));
      buffer_offsets_.push_back(to_int(rank * own_bytes()));
    }
    HIEREVO_MPI_CHECK(MPI_Ialltoallv(part_.data, slice_counts_.data(), slice_places_.data(),
                                     MPI_BYTE, buffer_.data(), buffer_counts_.data(),
                                     buffer_offsets_.data(), MPI_BYTE, channels_.first, &request));
  }

  void after_first() override {
    std::byte* const result = at(part_, borders_[own()]);
    std::vector<const std::byte*> inputs;
    for (std::size_t rank = 0; rank + 1 < borders_.size(); ++rank) {
      inputs.push_back(rank == own() ? result : buffer_.data() + buffer_offsets_[rank]);
    }
    reduce_elements(inputs, result, borders_[own() + 1] - borders_[own()], part_.type);
  }

  void start_second(MPI_Request& request) override {
    slice_counts_[own()] = bytes_of(own());
    HIEREVO_MPI_CHECK(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, part_.data,
                                      slice_counts_.data(), slice_places_.data(), MPI_BYTE,
                                      channels_.second, &request));
  }

  std::size_t own() const { return static_cast<std::size_t>(channels_.rank); }
  int place_of(std::size_t rank) const { return to_int(borders_[rank] * size_of(part_.type)); }
  int bytes_of(std::size_t rank) const { return place_of(rank + 1) - place_of(rank); }
  std::size_t own_bytes() const { return static_cast<std::size_t>(bytes_of(own())); }

  const Elements part_;
  std::vector<std::size_t> borders_;  ///< of the ranks' slices, in elements of the part
  // MPI reads these until the call has ended.
  std::vector<int> slice_counts_;
  std::vector<int> slice_places_;
  std::vector<int> buffer_counts_;
  std::vector<int> buffer_offsets_;
};

class BroadcastChunk final : public MpiChunk {
 public:
  BroadcastChunk(const MpiChannels& channels, const CollectiveOrder& order, std::size_t begin,
                 std::size_t count)
      : MpiChunk(channels, false),
        part_{at(order.elements, begin), count, order.elements.type},
        root_(order.root) {}

 private:
  void start_first(MPI_Request& request) override {
    HIEREVO_MPI_CHECK(
        MPI_Ibcast(part_.data, to_int(part_.bytes()), MPI_BYTE, root_, channels_.first, &request));
  }

  const Elements part_;
  const int root_;
};

/// Gathers aside, since chunks of different ranks do not lie together in the end.
class GatherChunk final : public MpiChunk {
 public:
  GatherChunk(const MpiChannels& channels, const CollectiveOrder& order, std::size_t begin,
              std::size_t count, MpiBufferPool& buffers)
      : MpiChunk(channels, false),
        part_{at(order.elements, begin), count, order.elements.type},
        target_(at(order.all, begin)),
        stride_(order.elements.bytes()) {
    buffer_ = buffers.take(part_.bytes() * static_cast<std::size_t>(channels.size));
  }

 private:
  void start_first(MPI_Request& request) override {
    const int bytes = to_int(part_.bytes());
    HIEREVO_MPI_CHECK(MPI_Iallgather(part_.data, bytes, MPI_BYTE, buffer_.data(), bytes, MPI_BYTE,
                                     channels_.first, &request));
  }

  void after_first() override {
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(channels_.size); ++rank) {
      std::memcpy(target_ + rank * stride_, buffer_.data() + rank * part_.bytes(), part_.bytes());
    }
  }

  const Elements part_;
  std::byte* const target_;   ///< of rank 0's
  const std::size_t stride_;  ///< from one rank's to the next one's
};

class BarrierChunk final : public MpiChunk {
 public:
  explicit BarrierChunk(const MpiChannels& channels) : MpiChunk(channels, false) {}

 private:
  void start_first(MPI_Request& request) override {
    HIEREVO_MPI_CHECK(MPI_Ibarrier(channels_.first, &request));
  }
};

}  // namespace

std::vector<std::byte> MpiBufferPool::take(std::size_t bytes) {
  std::vector<std::byte> buffer;
  if (!buffers_.empty()) {
    buffer = std::move(buffers_.back());
    buffers_.pop_back();
  }
  if (buffer.size() < bytes) buffer.resize(bytes);
  return buffer;
}

bool MpiChunk::advance(bool turn) {
  bool changed = false;
  if (state_ == State::first || state_ == State::second) {
    int ended = 0;
    HIEREVO_MPI_CHECK(MPI_Test(&request_, &ended, MPI_STATUS_IGNORE));
    if (ended == 0) return false;
    changed = true;
    if (state_ == State::first) after_first();
    state_ = state_ == State::first && has_second_ ? State::between : State::done;
  }
  if (state_ == State::between && turn) {
    start_second(request_);
    state_ = State::second;
    changed = true;
  }
  return changed;
}

std::size_t most_in_a_chunk(const CollectiveOrder& order, int size) {
  const auto ranks = static_cast<std::size_t>(size);
  const std::size_t element = size_of(order.elements.type);
  switch (order.kind) {
    case CollectiveKind::all_reduce:
      return std::min(slice_bytes, std::max(piece_bytes / ranks, element)) / element * ranks;
    case CollectiveKind::all_gather:
      return std::min(slice_bytes, std::max(piece_bytes / ranks, element)) / element;
    case CollectiveKind::broadcast:
      return broadcast_bytes / element;
    case CollectiveKind::barrier:
      return 1;
  }
  throw core::InternalError("There is no such operation");
}

std::unique_ptr<MpiChunk> make_chunk(const MpiChannels& channels, const CollectiveOrder& order,
                                     std::size_t begin, std::size_t count, MpiBufferPool& buffers) {
  switch (order.kind) {
    case CollectiveKind::all_reduce:
      return std::make_unique<SumChunk>(channels, order, begin, count, buffers);
    case CollectiveKind::broadcast:
      return std::make_unique<BroadcastChunk>(channels, order, begin, count);
    case CollectiveKind::all_gather:
      return std::make_unique<GatherChunk>(channels, order, begin, count, buffers);
    case CollectiveKind::barrier:
      return std::make_unique<BarrierChunk>(channels);
  }
  throw core::InternalError("There is no such operation");
}

}  // namespace hierevo::comm::detail
