#include "hierevo/comm/mpi_communicator.hpp"

#include <mpi.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <utility>

#include "backoff.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "message_check.hpp"
#include "mpi_check.hpp"
#include "readable.hpp"

namespace hierevo::comm {

namespace {

constexpr int message_tag = 0;
constexpr std::chrono::seconds last_flush{2};

/// Messages on their way out. MPI reads a buffer until the request is complete.
class Outbox {
 public:
  void send(int destination, std::vector<std::byte> data, MPI_Comm comm) {
    MPI_Request request = MPI_REQUEST_NULL;
    HIEREVO_MPI_CHECK(MPI_Isend(data.data(), static_cast<int>(data.size()), MPI_BYTE, destination,
                                message_tag, comm, &request));
    requests_.push_back(request);
    buffers_.push_back(std::move(data));
  }

  /// Lets go of the messages that have left.
  void release_sent() {
    if (requests_.empty()) return;
    completed_.resize(requests_.size());
    int count = 0;
    HIEREVO_MPI_CHECK(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count,
                                   completed_.data(), MPI_STATUSES_IGNORE));
    if (count == 0) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      std::swap(requests_[kept], requests_[i]);
      std::swap(buffers_[kept], buffers_[i]);
      ++kept;
    }
    requests_.resize(kept);
    buffers_.resize(kept);
  }

  bool empty() const { return requests_.empty(); }

 private:
  std::vector<MPI_Request> requests_;
  std::vector<std::vector<std::byte>> buffers_;  ///< of requests_, in the same order
  std::vector<int> completed_;                   ///< MPI_Testsome wants room for indices
};

/// Messages on their way in, in the order they were matched. A long message is complete only some
/// time after it was matched, and a short one behind it may be complete before.
class Inbox {
 public:
  /// Starts receiving the next message, if there is one.
  bool match_next(MPI_Comm comm) {
    int matched = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    HIEREVO_MPI_CHECK(MPI_Improbe(MPI_ANY_SOURCE, message_tag, comm, &matched, &handle, &status));
    if (matched == 0) return false;
    int length = 0;
    HIEREVO_MPI_CHECK(MPI_Get_count(&status, MPI_BYTE, &length));
    Incoming next;
    next.source = status.MPI_SOURCE;
    next.data.resize(static_cast<std::size_t>(length));
    HIEREVO_MPI_CHECK(MPI_Imrecv(next.data.data(), length, MPI_BYTE, &handle, &next.request));
    incoming_.push_back(std::move(next));
    return true;
  }

  /// The first complete message that has no earlier one of its sender before it.
  std::optional<Message> take_complete() {
    for (auto it = incoming_.begin(); it != incoming_.end();) {
      int complete = 0;
      const int code = MPI_Test(&it->request, &complete, MPI_STATUS_IGNORE);
      if (code != MPI_SUCCESS) incoming_.erase(it);  // its request is null now and would look done
      detail::check_mpi(code, "MPI_Test");
      if (complete == 0 || has_earlier(it)) {
        ++it;
        continue;
      }
      Message message{it->source, std::move(it->data)};
      it = incoming_.erase(it);
      if (message.data.size() <= longest_message) return message;
      core::log(core::LogLevel::warning,
                "A message of {} bytes from rank {} was dropped (the longest allowed is {} bytes).",
                message.data.size(), message.source, longest_message);
    }
    return std::nullopt;
  }

  bool all_complete() {
    return std::all_of(incoming_.begin(), incoming_.end(), [](Incoming& incoming) {
      int complete = 0;  // stays true: a complete request becomes null, and null is complete
      HIEREVO_MPI_CHECK(MPI_Test(&incoming.request, &complete, MPI_STATUS_IGNORE));
      return complete != 0;
    });
  }

 private:
  struct Incoming {
    int source = MPI_ANY_SOURCE;
    std::vector<std::byte> data;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  bool has_earlier(std::deque<Incoming>::iterator position) {
    return std::any_of(incoming_.begin(), position, [position](const Incoming& earlier) {
      return earlier.source == position->source;
    });
  }

  std::deque<Incoming> incoming_;
};

bool mpi_is_running() {
  int initialised = 0;
  int finalised = 0;
  HIEREVO_MPI_CHECK(MPI_Initialized(&initialised));
  HIEREVO_MPI_CHECK(MPI_Finalized(&finalised));
  return initialised != 0 && finalised == 0;
}

}  // namespace

struct MpiCommunicator::Impl {
  // Never freed: MPI_Comm_free is collective, and MPI may give a freed communicator's number to the
  // next one, which would then get the messages that nobody waited for here.
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0;
  int size = 0;
  Outbox outbox;
  Inbox inbox;
  detail::Backoff backoff;

  std::optional<Message> look() {
    outbox.release_sent();
    if (auto message = inbox.take_complete()) return message;
    // Twice, because a probe first looks and then lets MPI fetch what has come in meanwhile: a
    // single one would find a message only after the next sleep.
    for (int probe = 0; probe < 2; ++probe) {
      inbox.match_next(comm);
      if (auto message = inbox.take_complete()) return message;
    }
    return std::nullopt;
  }

  /// Takes in all that others are sending: two ranks that wait for each other to receive would
  /// both wait in vain.
  bool flush(detail::Clock::time_point deadline) {
    while (true) {
      outbox.release_sent();
      if (outbox.empty()) return true;
      while (inbox.match_next(comm)) continue;
      if (!backoff.pause(deadline)) return false;
    }
  }

  /// Until MPI touches no buffer any more.
  bool settle(detail::Clock::time_point deadline) {
    if (!flush(deadline)) return false;
    while (!inbox.all_complete()) {
      if (!backoff.pause(deadline)) return false;
    }
    return true;
  }
};

MpiCommunicator::MpiCommunicator() : impl_(std::make_unique<Impl>()) {
  if (!mpi_is_running()) {
    throw core::UsageError("An MPI communicator needs MPI to be running",
                           "it is not initialised, or finalised already",
                           "Keep an MpiSession as long as the communicator.");
  }
  HIEREVO_MPI_CHECK(MPI_Comm_dup(MPI_COMM_WORLD, &impl_->comm));
  HIEREVO_MPI_CHECK(MPI_Comm_set_errhandler(impl_->comm, MPI_ERRORS_RETURN));
  HIEREVO_MPI_CHECK(MPI_Comm_rank(impl_->comm, &impl_->rank));
  HIEREVO_MPI_CHECK(MPI_Comm_size(impl_->comm, &impl_->size));
}

MpiCommunicator::~MpiCommunicator() {
  try {
    if (!mpi_is_running() || impl_->settle(detail::deadline_after(last_flush))) return;
    core::log(core::LogLevel::warning, "Some messages have not left this rank (rank {}).",
              impl_->rank);
  } catch (const std::exception& error) {
    core::log(core::LogLevel::warning, "Some messages may not have left this rank: {}",
              error.what());
  }
  // MPI may still read from and write to the buffers: they must outlive everything.
  static auto& abandoned = *new std::vector<std::unique_ptr<Impl>>;
  abandoned.push_back(std::move(impl_));
}

int MpiCommunicator::rank() const {
  return impl_->rank;
}

int MpiCommunicator::size() const {
  return impl_->size;
}

void MpiCommunicator::send(int destination, std::vector<std::byte> data) {
  detail::require_sendable(destination, size(), data.size());
  impl_->outbox.release_sent();
  impl_->outbox.send(destination, std::move(data), impl_->comm);
  impl_->backoff.restart();
}

std::optional<Message> MpiCommunicator::wait_for_message(std::chrono::nanoseconds timeout,
                                                         int or_readable) {
  const auto deadline = detail::deadline_after(timeout);
  do {
    if (auto message = impl_->look()) {
      impl_->backoff.restart();
      return message;
    }
    if (detail::is_readable(or_readable)) return std::nullopt;
  } while (impl_->backoff.pause(deadline, or_readable));
  return std::nullopt;
}

bool MpiCommunicator::flush(std::chrono::nanoseconds timeout) {
  return impl_->flush(detail::deadline_after(timeout));
}

}  // namespace hierevo::comm
