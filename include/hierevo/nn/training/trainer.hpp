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

struct TrainingProgress {
  int repeat = 0;
  std::int64_t step = 0;  ///< steps done
  std::int64_t steps = 0;
  double loss = 0.0;  ///< of the last step looked at: every one on a CPU, every 50th on a GPU
  double data_seconds = 0.0;  ///< of this run so far: making batches, while the network waited
  double communication_seconds = 0.0;  ///< likewise: waiting for other ranks and their gradients
};
/// Called at step boundaries, and between batches of a validation; false asks to stop there. May be
/// empty.
using ProgressCallback = std::function<bool(const TrainingProgress&)>;

/// diverged: the loss became infinite or not a number.
enum class TrainingEnd : std::uint8_t { finished, diverged, stopped };

/// A training between two steps. Together with the plan, data, options and seed that it began with
/// it is all that is needed to go on: randomness is derived from seed and step.
struct TrainingState {
  std::vector<double> losses;        ///< of each step done
  std::vector<NamedTensor> weights;  ///< parameters, then buffers
  std::vector<NamedTensor> momentum;
  std::vector<NamedTensor> average;  ///< running averages of `weights`; empty without

  std::int64_t step() const { return static_cast<std::int64_t>(losses.size()); }
};

/// How ranks train one network together, each on its part of every batch (data::part_of()).
struct DataParallel {
  comm::Collectives* ranks = nullptr;                ///< null, or a group of one: alone
  std::size_t bucket_bytes = std::size_t{25} << 20;  ///< gradients that are summed at once, at most
  bool compress_gradients = false;  ///< they are sent as bfloat16, and rounded to it
  std::int64_t check_every = 100;   ///< steps between comparisons of the ranks' weights; 0: never
  /// Ranks learn a step later that one wants to stop, when the number has long come from the device
  /// and nobody waits for it. By default on GPUs, not on the CPU.
  std::optional<bool> late_stop = {};
};

/// Trains a network with SGD and momentum. Belongs to one thread.
///
/// With several ranks every rank has a trainer of the same network, options and seed, and calls the
/// same members in the same order; only state() is for rank 0 alone. The network begins with the
/// weights of rank 0. A rank that wants to stop stops all of them, at the end of the next step (of
/// the one after that where late_stop is on).
/// What one rank throws the others do not learn: they wait until the collectives' time-out.
class Trainer {
 public:
  /// Keeps references to its arguments. `batches` are of options.batch images, whatever the number
  /// of ranks; `seed` decides what of the training's randomness is not theirs. Throws UsageError
  /// when options and ranks do not fit.
  Trainer(Executor& executor, TrainingBatches& batches, const TrainingOptions& options,
          std::uint64_t seed, const DataParallel& parallel = {});
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
  /// be called within a progress callback. Nothing when `should_continue` said no on any rank;
  /// within a progress callback that stops the training too, before another step. Ranks share the
  /// images out; the running statistics are rank 0's.
  std::optional<Scores> test(TestBatches& images, const ShouldContinue& should_continue = {});

  /// May be asked for within a progress callback. The tensors share memory with the training: use
  /// them before it goes on.
  TrainingState state();
  /// Goes on from `state`: on a CPU with the same threads, every weight afterwards is bit for bit
  /// what it would have been without the break. Throws UsageError, and changes nothing, when names
  /// or shapes differ from this network's. With several ranks rank 0's state counts, and the others
  /// may give an empty one.
  void restore(const TrainingState& state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hierevo::nn
