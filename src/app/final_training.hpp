// One final training: from scratch or from where it was left, to its scores.
#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "hierevo/comm/collectives.hpp"
#include "hierevo/genome/genotype.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/training/trainer.hpp"
#include "progress_line.hpp"
#include "training_data.hpp"
#include "training_directory.hpp"

namespace hierevo::app {

/// What all repeats have in common.
struct TrainingTask {
  genome::Genotype genotype;
  genome::ModelSpec model;
  const TrainingData& data;
  comm::Collectives& ranks;  ///< make all trainings together
  c10::Device device;        ///< that this rank computes on
  nn::TrainingOptions options{};
  nn::DataParallel parallel{};  ///< the same ranks, for memory of their devices
  std::uint64_t seed = 1;
  int repeats = 1;
  std::int64_t test_every = 0;  ///< steps between tests that choose; 0: seldom enough
  std::chrono::milliseconds save_every{60'000};
  std::string record{};  ///< the options as an INI file
};

genome::Plan plan_of(const TrainingTask& task);
genome::Cost cost_of(const TrainingTask& task);
/// Throws UsageError where this rank's part of a CPU's memory does not hold a step.
void check_memory(const TrainingTask& task);

/// Trains repeat `repeat` (from 1), and gives its result.json, which rank 0 also saves. A repeat
/// that has finished is not trained again. Collective over the ranks; `directory` and `line` are of
/// rank 0, and null elsewhere. Throws AgreedError: exit code 75 when a signal asks to stop (then
/// all is saved, and the same call resumes), UsageError's when the training diverges,
/// CheckpointError's when others train this repeat. What else it throws, it throws on one rank
/// alone.
nlohmann::json train_repeat(const TrainingTask& task, int repeat,
                            const TrainingDirectory* directory, ProgressLine* line);

/// The result of a repeat that has finished, maybe in another process. Throws CheckpointError when
/// it cannot be read.
std::optional<nlohmann::json> finished_repeat(int repeat, const TrainingDirectory& directory);

}  // namespace hierevo::app
