#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/executor/executor.hpp"
#include "hierevo/nn/training/trainer.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// How far the measurement of a fitness has come.
struct FitnessState {
  std::vector<double> accuracy;  ///< top-1 of each repeat that finished
  std::vector<double> loss;      ///< of each repeat that finished: Trainer::loss
  TrainingState training;        ///< the present repeat; without steps before its first
};

/// Measures the fitness of a network: the mean accuracy of some independent trainings from scratch,
/// each followed by validation (section 4). Weights, order and augmentation of repeat r depend on
/// (seed, r) alone. The same arguments give the same result on the same number of threads, with or
/// without an interruption. Belongs to one thread.
class FitnessMeasurement {
 public:
  /// Keeps references to its arguments. Throws UsageError when options, data and plan do not fit.
  FitnessMeasurement(const genome::Plan& plan, const Split& data, const TrainingOptions& options,
                     Repeats repeats, std::uint64_t seed, c10::Device device);
  FitnessMeasurement(const FitnessMeasurement&) = delete;
  FitnessMeasurement& operator=(const FitnessMeasurement&) = delete;

  /// Continues to the end of the last repeat, or until a loss is not finite or `progress` asks to
  /// stop. Out-of-memory exceptions pass through (executor.hpp).
  TrainingEnd run(const ProgressCallback& progress);

  /// Top-1 of each repeat that finished.
  const std::vector<double>& accuracy() const { return accuracy_; }
  /// Trainer::loss of each repeat that finished.
  const std::vector<double>& loss() const { return loss_; }

  /// All that is needed to resume. May be called within a progress callback. The tensors share
  /// memory with the training: use them before it continues.
  FitnessState state() const;
  /// Resumes from `state`, as Trainer::restore does. Throws UsageError, and changes nothing, when
  /// it belongs to another measurement.
  void restore(const FitnessState& state);

 private:
  /// One training with its network; the trainer keeps references to the other members.
  struct Repeat {
    std::unique_ptr<TrainingBatches> batches;
    std::unique_ptr<Executor> executor;
    std::unique_ptr<Trainer> trainer;
  };
  /// The one after `ended` others.
  Repeat begin(std::size_t ended) const;

  const genome::Plan& plan_;
  Split data_;  ///< on the device
  const TrainingOptions& options_;
  std::size_t repeats_;
  std::size_t first_;
  std::uint64_t seed_;
  c10::Device device_;
  std::vector<double> accuracy_;
  std::vector<double> loss_;
  Repeat now_;  ///< empty between two repeats
};

}  // namespace hierevo::nn
