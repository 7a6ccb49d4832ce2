// The worker's side of the protocol.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/search/evaluator.hpp"
#include "hierevo/search/protocol.hpp"
#include "hierevo/search/search.hpp"

namespace hierevo::search {

class Worker {
 public:
  Worker(comm::Communicator& ranks, Evaluator* evaluator,
         std::optional<std::chrono::duration<double>> timeout)
      : ranks_(ranks), evaluator_(evaluator), timeout_(timeout) {}

  /// Reports to rank 0.
  void greet(std::uint64_t fingerprint, const std::string& error);
  /// Evaluates and sends the result. `keep_on`, which must not throw, is asked meanwhile; when it
  /// says no, nothing is sent.
  void work(const Work& work, const std::function<bool()>& keep_on);
  /// Works until told to leave. When `stop_requested`, drops what it does and asks for that.
  void run(const StopCallback& stop_requested);

 private:
  /// Looks for as long as `timeout`.
  bool told_to_leave(std::chrono::nanoseconds timeout);
  void ask_to_leave();
  void handle(const comm::Message& message, const StopCallback& stop_requested);

  comm::Communicator& ranks_;
  Evaluator* evaluator_;
  std::optional<std::chrono::duration<double>> timeout_;
  bool left_ = false;
};

}  // namespace hierevo::search
