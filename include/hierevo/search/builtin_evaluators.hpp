#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

/// Takes `duration` a candidate, without work, and computes the fitness from the phenotype: for
/// trying a configuration and for measuring everything but training.
std::unique_ptr<Evaluator> make_synthetic_evaluator(std::chrono::duration<double> duration);

/// Runs `command` (a program and its arguments, without a shell) with the path of the candidate's
/// genotype file as one more argument and HIEREVO_ID, HIEREVO_SEED, HIEREVO_MEMORY_PARTS and, with
/// a run, HIEREVO_FOLDER in its environment. The program prints one line of JSON with at least
/// "fitness" as its last line (docs/evaluators.md); what it prints on standard error is logged by
/// line, with the candidate's number. The file is RUN/inflight/ID.json
/// of the run directory `run`, whose search removes it; a temporary one where that cannot be
/// written, and without a run. Throws UsageError when there is no such program.
std::unique_ptr<Evaluator> make_external_evaluator(std::vector<std::string> command,
                                                   std::filesystem::path run = {});

/// Starts `command` and gives it one candidate after another by the evaluator protocol
/// (docs/evaluators.md). It is started again after it has ended or broken the protocol. Waits for
/// its hello, minutes at most, while `go_on`, which is called often, is true. Candidates have the
/// folder RUN/inflight/ID.d of the run directory `run`, which its search removes; none without a
/// run. Throws UsageError when there is no such program, or when it ends without a hello.
std::unique_ptr<Evaluator> make_server_evaluator(std::vector<std::string> command,
                                                 std::filesystem::path run,
                                                 const std::function<bool()>& go_on);

}  // namespace hierevo::search
