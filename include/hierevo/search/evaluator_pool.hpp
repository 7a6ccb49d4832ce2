#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "hierevo/process/supervisor.hpp"
#include "hierevo/search/evaluators.hpp"

namespace hierevo::search {

/// How the evaluator processes of a rank are started.
struct EvaluatorPoolOptions {
  /// How one of the processes is started.
  struct One {
    process::LaunchSpec order;
    std::string setup;  ///< what its program reads first (EvaluationServer::setup); up to 32 KiB
  };
  std::vector<One> evaluators;
  /// One that is not ready by then is killed and restarted; must allow for reading large data.
  std::chrono::duration<double> start_limit = std::chrono::minutes(10);
  /// How long, once all were Ready, one that keeps ending without having had a candidate is
  /// restarted, with pauses that double: its program may be about to be replaced.
  std::chrono::duration<double> retry_limit = std::chrono::minutes(10);
  /// How long those that are not in an evaluation may take to exit by themselves in the end, for
  /// programs that are not just killed; 0: they are killed.
  std::chrono::duration<double> exit_limit = std::chrono::seconds(0);
};

/// Evaluators in processes of their own, which may crash, hang, or run out of memory: only their
/// candidate is lost then, and they are restarted. One that cannot be restarted is given up, and
/// its candidate waits for the others; with the last one, or before all were Ready, that is Broken.
/// kill() takes effect at once. What a program prints goes to standard error; where it crashes, its
/// last lines are part of the reason. `supervisor` must outlive what is returned. Throws IoError
/// where the system has no descriptors or memory left to start them with.
std::unique_ptr<Evaluators> make_evaluator_pool(process::Supervisor& supervisor,
                                                EvaluatorPoolOptions options);

}  // namespace hierevo::search
