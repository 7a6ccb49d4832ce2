#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/executor/executor.hpp"
#include "hierevo/nn/training/scores.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::comm {
class Collectives;
}

namespace hierevo::nn {

/// How far a training has come.
struct TrainingProgress {
  int repeat = 0;
  std::int64_t step = 0;  ///< steps done
  std::int64_t steps = 0;
  double loss = 0.0;  ///< of the last step looked at: every one on a CPU, every 50th on a GPU
  double data_seconds = 0.0;           ///< of this run so far: the network waited for batches
  double communication_seconds = 0.0;  ///< likewise: it waited for other ranks' gradients
};
/// Called at step boundaries, and between batches of a validation; returning false stops there. May
/// be empty.
using ProgressCallback = std::function<bool(const TrainingProgress&)>;

/// diverged: the loss became infinite or not a number.
enum class TrainingEnd : std::uint8_t { finished, diverged, stopped };

/// A training between two steps. Together with the plan, data, options and seed that it began with
/// it is all that is needed to resume: randomness is derived from seed and step.
struct TrainingState {
  std::vector<double> losses;        ///< of each step done
  std::vector<NamedTensor> weights;  ///< parameters, then buffers
  std::vector<NamedTensor> momentum;
  std::vector<NamedTensor> average;  ///< running averages of `weights`; empty without

  /// Steps done.
  std::int64_t step() const { return static_cast<std::int64_t>(losses.size()); }
};

/// How ranks train one network together, each on its part of every batch (data::part_of()).
struct DataParallel {
  comm::Collectives* ranks = nullptr;                ///< null, or a group of one: no other rank
  std::size_t bucket_bytes = std::size_t{25} << 20;  ///< of gradients summed at once, at most
  bool compress_gradients = false;  ///< they are sent as bfloat16, and rounded to it
  std::int64_t check_every = 100;   ///< steps between comparisons of the ranks' weights; 0: never
  /// Ranks learn one step later that one of them wants to stop: by then the number has arrived from
  /// the device without anybody waiting for it. By default on GPUs, not on the CPU.
  std::optional<bool> late_stop = {};
};

/// Trains a network with SGD and momentum. Belongs to one thread.
///
/// With several ranks every rank has a trainer of the same network, options and seed, and calls the
/// same members in the same order; only state() is for rank 0 alone. The network begins with the
/// weights of rank 0. A rank that wants to stop stops all ranks at the end of the next step (of the
/// one after it with late_stop). Other ranks do not learn what one rank throws: they wait until the
/// collectives' timeout.
class Trainer {
 public:
  /// Keeps references to its arguments. `batches` are of options.batch images, whatever the number
  /// of ranks; `seed` decides all randomness of the training outside the batches. Throws UsageError
  /// when options and ranks do not fit.
  Trainer(Executor& executor, TrainingBatches& batches, const TrainingOptions& options,
          std::uint64_t seed, const DataParallel& parallel = {});
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Continues to the last step, or until the loss is not finite or `progress` asks to stop.
  /// Out-of-memory exceptions pass through (executor.hpp).
  TrainingEnd run(const ProgressCallback& progress);

  /// Steps done.
  std::int64_t step() const;
  /// Mean over the last tenth of the steps done; not finite when diverged; 0 before the first.
  double loss() const;

  /// Scores of the network as it is now, or of the average of its weights where there is one. May
  /// be called within a progress callback. Nothing when `should_continue` returned false on any
  /// rank; within a progress callback that stops the training too, before another step. Ranks
  /// divide the images among them; the running statistics are rank 0's.
  std::optional<Scores> test(TestBatches& images, const ShouldContinue& should_continue = {});

  /// All that is needed to resume. May be called within a progress callback. The tensors share
  /// memory with the training: use them before it continues.
  TrainingState state();
  /// Resumes from `state`: on a CPU with the same threads, every weight afterwards is bit for bit
  /// what it would have been without the interruption. Throws UsageError, and changes nothing, when
  /// names or shapes differ from this network's. With several ranks rank 0's state counts, and the
  /// others may pass an empty one.
  void restore(const TrainingState& state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hierevo::nn
