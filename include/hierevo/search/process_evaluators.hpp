#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/process/supervisor.hpp"
#include "hierevo/search/evaluators.hpp"

namespace hierevo::search {

/// How the evaluator processes of a rank are started.
struct ProcessEvaluatorsOptions {
  struct One {
    process::LaunchSpec order;
    std::string setup;  ///< what its program reads first (EvaluationServer::setup); up to 32 KiB
  };
  std::vector<One> evaluators;
  /// One that is not ready by then is killed and started again; reading large data must fit in.
  std::chrono::duration<double> start_limit = std::chrono::minutes(10);
  /// Once all were Ready, one that ends again and again without having had a candidate is started
  /// again for so long, with pauses that double: its program may be about to be replaced.
  std::chrono::duration<double> retry_limit = std::chrono::minutes(10);
};

/// Evaluators in processes of their own, which may crash, hang, or run out of memory: only their
/// candidate is lost then, and they are started again. One that cannot be is given up, and what is
/// begun for it waits for the others; with the last one, or before all were Ready, that is Broken.
/// kill() is at once. What a program prints goes to standard error; where it crashes, its last
/// lines are part of the reason. `supervisor` must outlive what is returned. Throws IoError where
/// the system has no descriptors or memory left to start them with.
std::unique_ptr<Evaluators> make_process_evaluators(process::Supervisor& supervisor,
                                                    ProcessEvaluatorsOptions options);

/// The side of the program that evaluates: gets its orders on descriptor
/// process::messages_descriptor.
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
