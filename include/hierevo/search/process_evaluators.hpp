#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/comm/process_supervisor.hpp"
#include "hierevo/core/descriptor.hpp"
#include "hierevo/search/evaluators.hpp"

namespace hierevo::search {

/// How the evaluator processes of a rank are started.
struct ProcessEvaluatorsOptions {
  struct One {
    comm::ProcessOrder order;
    std::string setup;  ///< what its program reads first (EvaluationServer::setup); up to 32 KiB
  };
  std::vector<One> evaluators;
};

/// Evaluators in processes of their own, which may crash, hang, or run out of memory: only their
/// candidate is lost then, and they are started again. kill() is at once. What a program prints
/// goes to standard error; where it crashes, its last lines are part of the reason. `supervisor`
/// must outlive what is returned.
std::unique_ptr<Evaluators> make_process_evaluators(comm::ProcessSupervisor& supervisor,
                                                    ProcessEvaluatorsOptions options);

/// The side of the program that evaluates: gets its orders on descriptor
/// comm::messages_descriptor.
class EvaluationServer {
 public:
  /// Takes over the descriptor. Throws UsageError when this process was not started by
  /// make_process_evaluators().
  EvaluationServer();

  /// Waits for it. Nothing when the rank is gone.
  std::optional<std::string> setup();
  /// Ready to evaluate, or not, and why.
  void ready(const std::optional<DataFacts>& data, const std::string& error);
  /// Evaluates what it is given until the rank is gone.
  void serve(Evaluator& evaluator);

 private:
  std::optional<std::vector<std::byte>> receive(bool wait);
  void send(const std::vector<std::byte>& message, bool wait = true);
  void evaluate(Evaluator& evaluator, const Work& work);

  core::Descriptor orders_;
  bool gone_ = false;
};

}  // namespace hierevo::search
