#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

/// Takes `duration` a candidate, without work, and computes the fitness from the phenotype: for
/// trying a configuration and for measuring everything but training.
std::unique_ptr<Evaluator> make_synthetic_evaluator(std::chrono::duration<double> duration);

/// Runs `command` (a program and its arguments, without a shell) with the path of the candidate's
/// genotype file as one more argument and HIEREVO_ID and HIEREVO_SEED in its environment. The
/// program prints one line of JSON with at least "fitness" as its last line; what it prints on
/// standard error is logged by line, with the candidate's number. The file is RUN/inflight/ID.json
/// of the run directory `run`, whose search removes it; a temporary one where that cannot be
/// written, and without a run. Throws UsageError when there is no such program.
std::unique_ptr<Evaluator> make_external_evaluator(std::vector<std::string> command,
                                                   std::filesystem::path run = {});

}  // namespace hierevo::search
