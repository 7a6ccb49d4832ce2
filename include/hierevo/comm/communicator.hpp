#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace hierevo::comm {

/// A message that has arrived, and the rank that sent it.
struct Message {
  int source;
  std::vector<std::byte> data;
};

/// Longest message that may be sent, in bytes.
inline constexpr std::size_t longest_message = std::size_t{1} << 16;

/// Point-to-point messages between the ranks of a group. Three peers: SelfCommunicator,
/// ThreadCommunicatorGroup, MpiCommunicator; the search protocol runs over any of them unchanged.
///
/// A communicator belongs to one thread of its rank. Messages from one rank to another arrive
/// unchanged, once, and in order, or not at all when one of the two has died. A rank may send to
/// itself. Nothing here is collective and nothing waits for another rank, except receive() and
/// flush(), which have a time limit.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  /// This rank's number in the group, from 0.
  virtual int rank() const = 0;
  /// Number of ranks in the group.
  virtual int size() const = 0;

  /// Starts sending and returns at once. Throws CommunicationError when the message is longer than
  /// longest_message or `destination` is not a rank of the group.
  virtual void send(int destination, std::vector<std::byte> data) = 0;

  /// The next message from any rank, or nothing when none came within `timeout`. Zero only looks.
  /// Ends early, with nothing, when the file descriptor `or_readable` can be read or has an error,
  /// so that a rank waits for messages and for something else at the same time; -1 is none. Waiting
  /// costs a few per cent of a core, whatever the transport. A message longer than longest_message
  /// is dropped with a warning.
  std::optional<Message> receive(std::chrono::nanoseconds timeout, int or_readable = -1) {
    return wait_for_message(timeout, or_readable);
  }

  /// Waits until all sent messages have left this rank, at most `timeout`; returns whether they
  /// have.
  virtual bool flush(std::chrono::nanoseconds timeout) = 0;

  /// A rank that the transport has found dead; each is reported once. Nothing where it cannot know,
  /// as most cannot: then only silence does. What is sent to a dead rank is dropped.
  virtual std::optional<int> next_dead() { return std::nullopt; }

  /// Nobody waits any more for messages to `rank` to leave, since it seems to be lost. They still
  /// arrive should it be there after all; sending to it takes this back.
  virtual void give_up(int /*rank*/) {}

 private:
  virtual std::optional<Message> wait_for_message(std::chrono::nanoseconds timeout,
                                                  int or_readable) = 0;
};

}  // namespace hierevo::comm
