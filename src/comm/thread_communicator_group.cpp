#include "hierevo/comm/thread_communicator_group.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "deadline.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/mailbox.hpp"
#include "message_check.hpp"
#include "readable.hpp"

namespace hierevo::comm {

/// One rank: its mailbox, and the way to the mailboxes of the others.
class ThreadCommunicatorGroup::Member final : public Communicator {
 public:
  Member(int rank, int size, const Members& members)
      : rank_(rank), size_(size), members_(members) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void send(int destination, std::vector<std::byte> data) override {
    detail::require_sendable(destination, size_, data.size());
    members_[static_cast<std::size_t>(destination)]->mailbox_.put({rank_, std::move(data)});
  }

  bool flush(std::chrono::nanoseconds) override { return true; }

 private:
  std::optional<Message> wait_for_message(std::chrono::nanoseconds timeout,
                                          int or_readable) override {
    const auto deadline = detail::deadline_after(timeout);
    const std::array<int, 2> wanted = {mailbox_.descriptor(), or_readable};
    auto message = mailbox_.take();
    // Without a message in the mailbox it is the other descriptor that is readable.
    if (!message && detail::wait_until_readable(wanted, deadline)) message = mailbox_.take();
    return message;
  }

  const int rank_;
  const int size_;
  const Members& members_;
  core::Mailbox<Message> mailbox_;
};

ThreadCommunicatorGroup::ThreadCommunicatorGroup(int size) {
  if (size < 1) {
    throw core::UsageError(fmt::format("Cannot make a group of {} ranks", size),
                           "a group has at least one rank");
  }
  for (int rank = 0; rank < size; ++rank) {
    members_.push_back(std::make_unique<Member>(rank, size, members_));
  }
}

ThreadCommunicatorGroup::~ThreadCommunicatorGroup() = default;

Communicator& ThreadCommunicatorGroup::communicator(int rank) {
  if (rank < 0 || rank >= static_cast<int>(members_.size())) {
    throw core::UsageError(fmt::format("There is no rank {}", rank),
                           fmt::format("the group has the ranks 0 to {}", members_.size() - 1));
  }
  return *members_[static_cast<std::size_t>(rank)];
}

}  // namespace hierevo::comm
