// A communicator for tests that play all the other ranks themselves.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "hierevo/comm/communicator.hpp"
#include "protocol.hpp"

namespace hierevo::search {

/// Keeps what is sent, by its destination; nothing ever comes.
class RecordedMessages final : public comm::Communicator {
 public:
  RecordedMessages(int rank, int size) : rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(int destination, std::vector<std::byte> data) override {
    sent_[destination].push_back(decode(data).value());
  }
  bool flush(std::chrono::nanoseconds) override { return true; }
  void give_up(int rank) override { given_up.insert(rank); }

  /// What was sent to `destination` since the last call, of one kind; the rest is dropped.
  template <typename Message>
  std::vector<Message> take(int destination) {
    std::vector<Message> found;
    for (AnyMessage& message : take_all(destination)) {
      if (auto* one = std::get_if<Message>(&message)) found.push_back(std::move(*one));
    }
    return found;
  }

  std::vector<AnyMessage> take_all(int destination) {
    return std::exchange(sent_[destination], {});
  }

  std::set<int> given_up;

 private:
  std::optional<comm::Message> wait_for_message(std::chrono::nanoseconds, int) override {
    return std::nullopt;
  }

  int rank_;
  int size_;
  std::map<int, std::vector<AnyMessage>> sent_;
};

}  // namespace hierevo::search
