#include "hierevo/comm/mpi_communicator.hpp"

#include <mpi.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <set>
#include <string_view>
#include <utility>

#include "backoff.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "message_check.hpp"
#include "mpi_check.hpp"
#include "mpi_deaths.hpp"
#include "readable.hpp"

namespace hierevo::comm {

namespace {

constexpr int message_tag = 0;
constexpr std::chrono::seconds last_flush{2};

/// The ranks of a communicator that MPI has found dead.
class Deaths {
 public:
  bool contains(int rank) const { return dead_.contains(rank); }

  /// Whether `code` means success. A death is noted and means no; all else throws.
  bool succeeded(int code, std::string_view call, MPI_Comm comm) {
    if (code == MPI_SUCCESS) return true;
    const std::size_t before = dead_.size();
    const bool in_one_of_several = code == MPI_ERR_IN_STATUS;
    if (detail::tells_of_a_death(code) || in_one_of_several) note(comm);
    const bool a_death = detail::tells_of_a_death(code) || dead_.size() > before;
    if (!a_death) detail::check_mpi(code, call);
    return false;
  }

  std::optional<int> next() {
    if (untold_.empty()) return std::nullopt;
    const int rank = untold_.front();
    untold_.pop_front();
    return rank;
  }

 private:
  void note(MPI_Comm comm) {
    for (const int rank : detail::acknowledge_deaths(comm)) {
      if (dead_.insert(rank).second) untold_.push_back(rank);
    }
  }

  std::set<int> dead_;
  std::deque<int> untold_;
};

/// Messages on their way out. MPI reads a buffer until the request is complete.
class Outbox {
 public:
  explicit Outbox(Deaths& deaths) : deaths_(deaths) {}

  void send(int destination, std::vector<std::byte> data, MPI_Comm comm) {
    given_up_.erase(destination);
    if (deaths_.contains(destination)) return;
    MPI_Request request = MPI_REQUEST_NULL;
    const int code = MPI_Isend(data.data(), static_cast<int>(data.size()), MPI_BYTE, destination,
                               message_tag, comm, &request);
    if (!deaths_.succeeded(code, "MPI_Isend", comm)) return;
    requests_.push_back(request);
    messages_.push_back({destination, std::move(data)});
  }

  /// Lets go of the messages that have left, and of those to the dead.
  void release_sent(MPI_Comm comm) {
    if (requests_.empty()) return;
    completed_.resize(requests_.size());
    int count = 0;
    const int code = MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count,
                                  completed_.data(), MPI_STATUSES_IGNORE);
    if (deaths_.succeeded(code, "MPI_Testsome", comm) && count == 0) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      std::swap(requests_[kept], requests_[i]);
      std::swap(messages_[kept], messages_[i]);
      ++kept;
    }
    requests_.resize(kept);
    messages_.resize(kept);
  }

  void give_up(int destination) { given_up_.insert(destination); }

  /// Whether all have left, also those to ranks that were given up.
  bool empty() const { return requests_.empty(); }
  /// Whether there is one that may still leave.
  bool waits() const {
    return std::any_of(messages_.begin(), messages_.end(), [this](const Outgoing& message) {
      return !given_up_.contains(message.destination);
    });
  }

 private:
  struct Outgoing {
    int destination = 0;
    std::vector<std::byte> data;
  };

  Deaths& deaths_;
  std::vector<MPI_Request> requests_;
  std::vector<Outgoing> messages_;  ///< of requests_, in the same order
  std::vector<int> completed_;      ///< MPI_Testsome requires room for indices
  std::set<int> given_up_;
};

/// Messages on their way in, in the order they were matched. A long message is complete only some
/// time after it was matched, and a short one behind it may be complete before.
class Inbox {
 public:
  explicit Inbox(Deaths& deaths) : deaths_(deaths) {}

  /// Starts receiving the next message, if there is one.
  bool match_next(MPI_Comm comm) {
    int matched = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    const int code = MPI_Improbe(MPI_ANY_SOURCE, message_tag, comm, &matched, &handle, &status);
    if (!deaths_.succeeded(code, "MPI_Improbe", comm) || matched == 0) return false;
    int length = 0;
    HIEREVO_MPI_CHECK(MPI_Get_count(&status, MPI_BYTE, &length));
    Incoming next;
    next.source = status.MPI_SOURCE;
    next.data.resize(static_cast<std::size_t>(length));
    const int started = MPI_Imrecv(next.data.data(), length, MPI_BYTE, &handle, &next.request);
    if (deaths_.succeeded(started, "MPI_Imrecv", comm)) incoming_.push_back(std::move(next));
    return true;
  }

  /// The first complete message that has no earlier one of its sender before it.
  std::optional<Message> take_complete(MPI_Comm comm) {
    for (auto it = incoming_.begin(); it != incoming_.end();) {
      int complete = 0;
      const int code = MPI_Test(&it->request, &complete, MPI_STATUS_IGNORE);
      if (code != MPI_SUCCESS) {
        it = incoming_.erase(it);  // its request is null now and would look done
        deaths_.succeeded(code, "MPI_Test", comm);
        continue;
      }
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
      const int code = MPI_Test(&incoming.request, &complete, MPI_STATUS_IGNORE);
      if (!detail::tells_of_a_death(code)) detail::check_mpi(code, "MPI_Test");
      return complete != 0 || code != MPI_SUCCESS;
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

  Deaths& deaths_;
  std::deque<Incoming> incoming_;
};

}  // namespace

struct MpiCommunicator::Impl {
  // Never freed: MPI_Comm_free is collective, and MPI may give a freed communicator's number to the
  // next one, which would then get the messages that nobody waited for here.
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0;
  int size = 0;
  Deaths deaths;
  Outbox outbox{deaths};
  Inbox inbox{deaths};
  detail::Backoff backoff;

  std::optional<Message> look() {
    outbox.release_sent(comm);
    if (auto message = inbox.take_complete(comm)) return message;
    // Twice, because a probe first looks and then lets MPI fetch what has come in meanwhile: a
    // single one would find a message only after the next sleep.
    for (int probe = 0; probe < 2; ++probe) {
      inbox.match_next(comm);
      if (auto message = inbox.take_complete(comm)) return message;
    }
    return std::nullopt;
  }

  /// Takes in all that others are sending: two ranks that wait for each other to receive would
  /// both wait in vain.
  bool flush(detail::Clock::time_point deadline) {
    while (true) {
      outbox.release_sent(comm);
      if (!outbox.waits()) return true;
      while (inbox.match_next(comm)) continue;
      if (!backoff.pause(deadline)) return false;
    }
  }

  /// Until all has come and gone that can.
  bool settle(detail::Clock::time_point deadline) {
    if (!flush(deadline)) return false;
    while (!inbox.all_complete()) {
      if (!backoff.pause(deadline)) return false;
    }
    return true;
  }
};

MpiCommunicator::MpiCommunicator() : impl_(std::make_unique<Impl>()) {
  detail::require_mpi("An MPI communicator");
  HIEREVO_MPI_CHECK(MPI_Comm_dup(MPI_COMM_WORLD, &impl_->comm));
  HIEREVO_MPI_CHECK(MPI_Comm_set_errhandler(impl_->comm, MPI_ERRORS_RETURN));
  HIEREVO_MPI_CHECK(MPI_Comm_rank(impl_->comm, &impl_->rank));
  HIEREVO_MPI_CHECK(MPI_Comm_size(impl_->comm, &impl_->size));
}

MpiCommunicator::~MpiCommunicator() {
  try {
    if (!detail::mpi_is_running()) return;
    const bool settled = impl_->settle(detail::deadline_after(last_flush));
    if (settled && impl_->outbox.empty()) return;
    if (!settled) {
      core::log(core::LogLevel::warning, "Some messages have not left this rank (rank {}).",
                impl_->rank);
    }
  } catch (const std::exception& error) {
    core::log(core::LogLevel::warning, "Some messages may not have left this rank: {}",
              core::failure_of(error).text);
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
  impl_->outbox.release_sent(impl_->comm);
  impl_->outbox.send(destination, std::move(data), impl_->comm);
  impl_->backoff.restart();
}

std::optional<Message> MpiCommunicator::wait_for_message(std::chrono::nanoseconds timeout,
                                                         int or_readable) {
  const auto deadline = detail::deadline_after(timeout);
  do {
    if (auto message = impl_->look()) {
      // Who waits for something else too was given something to do, and most likely waits for that:
      // spinning would take the core from it. What it sends in answer makes it spin again.
      if (or_readable < 0) impl_->backoff.restart();
      if (or_readable >= 0) impl_->backoff.restart_without_spinning();
      return message;
    }
    if (detail::is_readable(or_readable)) return std::nullopt;
  } while (impl_->backoff.pause(deadline, or_readable));
  return std::nullopt;
}

bool MpiCommunicator::flush(std::chrono::nanoseconds timeout) {
  return impl_->flush(detail::deadline_after(timeout));
}

std::optional<int> MpiCommunicator::next_dead() {
  return impl_->deaths.next();
}

void MpiCommunicator::give_up(int rank) {
  impl_->outbox.give_up(rank);
}

}  // namespace hierevo::comm
