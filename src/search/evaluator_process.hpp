// One evaluator process, as its rank sees it.
#pragma once

#include <optional>
#include <string>

#include "hierevo/comm/process_supervisor.hpp"
#include "hierevo/search/protocol.hpp"

namespace hierevo::search {

class EvaluatorProcess {
 public:
  /// Starts it. `changes` is an epoll that from now on tells when there is something to read.
  EvaluatorProcess(comm::ProcessSupervisor& supervisor, const comm::ProcessOrder& order,
                   int changes);

  comm::ProcessId id() const { return process_.id; }

  /// Where it has ended, that is told by the supervisor, and this does nothing.
  void send(const AnyMessage& message);
  std::optional<AnyMessage> receive();
  /// Passes on what it printed to standard error.
  void read_output();
  /// `text` with the end of what it printed, where there is some.
  std::string with_last_words(const std::string& text);

 private:
  comm::ProcessSupervisor::Process process_;
  std::string printed_;  ///< the end of it
};

}  // namespace hierevo::search
