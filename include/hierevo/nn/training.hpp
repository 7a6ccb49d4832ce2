#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/dataset.hpp"
#include "hierevo/nn/executor.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// As check(options); also throws UsageError for images smaller than the crop, fewer than a batch,
/// or nothing to validate on.
void check(const TrainingOptions& options, const Images& train, const Images& validation);

struct TrainingProgress {
  int repeat = 0;
  std::int64_t step = 0;  ///< steps done
  std::int64_t steps = 0;
  double loss = 0.0;  ///< of the last step looked at: every one on a CPU, every 50th on a GPU
};
/// Called at step boundaries; false asks to stop there. May be empty.
using ProgressCallback = std::function<bool(const TrainingProgress&)>;

/// diverged: the loss became infinite or not a number.
enum class TrainingEnd : std::uint8_t { finished, diverged, stopped };

struct TrainingResult {
  TrainingEnd end = TrainingEnd::finished;
  double loss = 0.0;  ///< mean over the last tenth of the steps done; not finite when diverged
};

/// Trains with SGD and momentum on random crops and flips. `seed` decides the order of the images
/// and the augmentation. Every image is used once an epoch; the last incomplete batch of an epoch
/// is filled from the next one. Out-of-memory exceptions pass through (executor.hpp).
TrainingResult train(Executor& executor, const Images& data, const Normalisation& normalisation,
                     const TrainingOptions& options, std::uint64_t seed,
                     const ProgressCallback& progress);

/// Share of whole images classified rightly, in [0, 1] (top-1), `batch` at a time. An image whose
/// logits are not all finite counts as wrong.
double accuracy(Executor& executor, const Images& data, const Normalisation& normalisation,
                std::int64_t batch);

/// Fitness of a network: `repeats` independent trainings from scratch, each followed by validation
/// (section 4). Weights, order and augmentation of repeat r depend on (seed, r) alone. The first
/// repeat that does not finish ends the measurement. The same arguments give the same result on
/// the same number of threads. Throws UsageError when options, data and plan do not fit.
struct FitnessResult {
  TrainingEnd end = TrainingEnd::finished;
  std::vector<double> accuracy;  ///< of each repeat that finished
  std::vector<double> loss;      ///< of each repeat that finished: TrainingResult::loss
};
FitnessResult measure_fitness(const genome::Plan& plan, const Split& data,
                              const TrainingOptions& options, int repeats, std::uint64_t seed,
                              c10::Device device, const ProgressCallback& progress);

}  // namespace hierevo::nn
