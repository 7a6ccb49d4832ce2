#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/search/data_facts.hpp"
#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

/// The other side of an evaluator pool, in the program that evaluates: it receives candidates on
/// process::messages_descriptor.
class EvaluationServer {
 public:
  /// Takes over the descriptor. Throws UsageError when this process was not started by
  /// make_evaluator_pool().
  EvaluationServer();

  /// Waits for the rank's first message. Nothing when the rank is gone.
  std::optional<std::string> setup();
  /// Ready to evaluate, or not, and why. `evaluator_memory` is as in Evaluators::Ready.
  void ready(const std::optional<DataFacts>& data, const std::string& error,
             std::int64_t evaluator_memory = 0);
  /// Evaluates what it is given until the rank is gone. Throws EvaluatorLost as the evaluator does;
  /// the program is then to end with a failure.
  void serve(Evaluator& evaluator);

 private:
  std::optional<std::vector<std::byte>> receive(bool wait);
  void send(const std::vector<std::byte>& message, bool wait = true);
  void evaluate(Evaluator& evaluator, const Work& work);

  core::Descriptor orders_;
  bool gone_ = false;
};

}  // namespace hierevo::search
