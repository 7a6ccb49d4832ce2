#include "hierevo/comm/thread_group.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "deadline.hpp"
#include "hierevo/core/error.hpp"
#include "message_check.hpp"

namespace hierevo::comm {

/// One rank: its mailbox, and the way to the mailboxes of the others.
class ThreadGroup::Member final : public Communicator {
 public:
  Member(int rank, int size, const Members& members)
      : rank_(rank), size_(size), members_(members) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void send(int destination, std::vector<std::byte> data) override {
    detail::require_sendable(destination, size_, data.size());
    members_[static_cast<std::size_t>(destination)]->deliver({rank_, std::move(data)});
  }

  std::optional<Message> receive(std::chrono::nanoseconds timeout) override {
    const auto deadline = detail::deadline_after(timeout);
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_until(lock, deadline, [this] { return !mailbox_.empty(); })) {
      return std::nullopt;
    }
    Message message = std::move(mailbox_.front());
    mailbox_.pop_front();
    return message;
  }

  bool flush(std::chrono::nanoseconds) override { return true; }

 private:
  void deliver(Message message) {
    {
      const std::lock_guard lock(mutex_);
      mailbox_.push_back(std::move(message));
    }
    arrived_.notify_one();
  }

  const int rank_;
  const int size_;
  const Members& members_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Message> mailbox_;  ///< guarded by mutex_
};

ThreadGroup::ThreadGroup(int size) {
  if (size < 1) {
    throw core::UsageError(fmt::format("Cannot make a group of {} ranks", size),
                           "a group has at least one rank");
  }
  for (int rank = 0; rank < size; ++rank) {
    members_.push_back(std::make_unique<Member>(rank, size, members_));
  }
}

ThreadGroup::~ThreadGroup() = default;

Communicator& ThreadGroup::communicator(int rank) {
  if (rank < 0 || rank >= static_cast<int>(members_.size())) {
    throw core::UsageError(fmt::format("There is no rank {}", rank),
                           fmt::format("the group has the ranks 0 to {}", members_.size() - 1));
  }
  return *members_[static_cast<std::size_t>(rank)];
}

}  // namespace hierevo::comm
