// One evaluator process, as its rank sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/process/supervisor.hpp"
#include "last_words.hpp"
#include "protocol.hpp"

namespace hierevo::search {

/// From now on the epoll `epoll` reports `tag` while `descriptor` can be read. Throws IoError.
void watch_input(int epoll, int descriptor, std::uint64_t tag);

class EvaluatorProcess {
 public:
  /// An epoll that from now on reports when there is something to read, and by which tags.
  struct Watch {
    int epoll;
    std::uint64_t messages;
    std::uint64_t output;
  };
  /// Starts it. Throws IoError where the system cannot.
  EvaluatorProcess(process::Supervisor& supervisor, const process::LaunchSpec& order,
                   const Watch& watch);

  process::ProcessId id() const { return process_.id; }

  /// False when it could not be sent: the program reads too little, or the system has no room.
  /// Where it has ended, the supervisor reports that, and this does nothing.
  bool send(const AnyMessage& message);
  /// The messages that have come, in order; what is not a message is ignored with a warning. From
  /// a program that never stops sending, only some at a time.
  std::vector<AnyMessage> receive();
  /// Passes on to standard error the lines that it printed, likewise.
  void read_output();
  /// The program finds that its rank is gone, and ends.
  void close_connection() { process_.messages.reset(); }
  /// `text` with the end of what it printed, where there is some.
  std::string with_last_words(const std::string& text);

 private:
  /// One packet, or none. Nothing in the packet when it is not a message.
  std::optional<std::optional<AnyMessage>> receive_one();
  /// Writes its lines as they are completed.
  void pass_on(std::string_view text);

  process::Supervisor::Process process_;
  LastWords last_words_;
  std::string unfinished_;  ///< line
};

}  // namespace hierevo::search
