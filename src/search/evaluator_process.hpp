// One evaluator process, as its rank sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/process/supervisor.hpp"
#include "protocol.hpp"

namespace hierevo::search {

/// From now on the epoll `epoll` gives `tells` while `descriptor` can be read. Throws IoError.
void watch_input(int epoll, int descriptor, std::uint64_t tells);

class EvaluatorProcess {
 public:
  /// An epoll that from now on tells when there is something to read, and what it tells then.
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
  /// Where it has ended, that is told by the supervisor, and this does nothing.
  bool send(const AnyMessage& message);
  /// The messages that have come, in order; what is no message is left out with a warning. Of a
  /// program that sends without end, only some at a time.
  std::vector<AnyMessage> receive();
  /// Passes on to standard error the lines that it printed, likewise.
  void read_output();
  /// `text` with the end of what it printed, where there is some.
  std::string with_last_words(const std::string& text);

 private:
  /// One packet, or none. Nothing in the packet when it is no message.
  std::optional<std::optional<AnyMessage>> receive_one();
  /// Writes its lines as they are whole.
  void tell(std::string_view text);

  process::Supervisor::Process process_;
  std::string printed_;  ///< the end of it
  std::string untold_;   ///< what has no end of a line yet
};

}  // namespace hierevo::search
