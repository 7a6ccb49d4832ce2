#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

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
  double data_seconds = 0.0;  ///< of this run so far: making batches, while the network waited
};
/// Called at step boundaries, and between batches of a validation; false asks to stop there. May be
/// empty.
using ProgressCallback = std::function<bool(const TrainingProgress&)>;

/// diverged: the loss became infinite or not a number.
enum class TrainingEnd : std::uint8_t { finished, diverged, stopped };

/// What a network does with images. An image whose logits are not all finite counts as wrong.
struct Scores {
  double top1 = 0.0;  ///< share whose label has the largest logit
  double top5 = 0.0;  ///< share whose label is among the five largest
};

/// Asked between batches of a test; false asks to stop there. May be empty.
using KeepOn = std::function<bool()>;

/// Scores of `executor` over whole images, `batch` at a time. Nothing when `keep_on` said no.
std::optional<Scores> scores_of(Executor& executor, const Images& images,
                                const Normalisation& normalisation, std::int64_t batch,
                                const KeepOn& keep_on = {});

/// A training between two steps. Together with the plan, data, options and seed that it began with
/// it is all that is needed to go on: randomness is derived from seed and step.
struct TrainingState {
  std::vector<double> losses;        ///< of each step done
  std::vector<NamedTensor> weights;  ///< parameters, then buffers
  std::vector<NamedTensor> momentum;
  std::vector<NamedTensor> average;  ///< running averages of `weights`; empty without

  std::int64_t step() const { return static_cast<std::int64_t>(losses.size()); }
};

/// Trains a network with SGD and momentum on augmented images. `seed` decides the order of the
/// images and the augmentation. Every image is used once an epoch; the last incomplete batch of an
/// epoch is filled from the next one. Belongs to one thread.
class Trainer {
 public:
  /// Keeps references to its arguments. Labels are below `classes`.
  Trainer(Executor& executor, const Images& data, const Normalisation& normalisation,
          const TrainingOptions& options, std::int64_t classes, std::uint64_t seed);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Goes on to the last step, or until the loss is not finite or `progress` asks to stop.
  /// Out-of-memory exceptions pass through (executor.hpp).
  TrainingEnd run(const ProgressCallback& progress);

  /// Steps done.
  std::int64_t step() const;
  /// Mean over the last tenth of the steps done; not finite when diverged; 0 before the first.
  double loss() const;

  /// Scores of the network as it is now, or of the average of its weights where there is one. May
  /// be called within a progress callback. Nothing when `keep_on` said no.
  std::optional<Scores> test(const Images& images, const KeepOn& keep_on = {});

  /// May be asked for within a progress callback. The tensors share memory with the training: use
  /// them before it goes on.
  TrainingState state();
  /// Goes on from `state`: on a CPU with the same threads, every weight afterwards is bit for bit
  /// what it would have been without the break. Throws UsageError, and changes nothing, when names
  /// or shapes differ from this network's.
  void restore(const TrainingState& state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hierevo::nn
