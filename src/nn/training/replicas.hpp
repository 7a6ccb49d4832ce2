#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "device/transfer.hpp"
#include "gradient_buckets.hpp"
#include "hierevo/comm/collectives.hpp"
#include "hierevo/nn/executor/executor.hpp"
#include "hierevo/nn/training/trainer.hpp"

namespace hierevo::nn {

/// The copies of one network on all ranks, as a training keeps them the same. Every member function
/// is collective. Belongs to one thread.
class Replicas {
 public:
  /// Gives all ranks the weights of rank 0. Keeps references to its arguments.
  Replicas(Executor& executor, const DataParallel& parallel);

  comm::Collectives& ranks() { return ranks_; }

  /// Before a pass over this rank's part of a batch.
  void begin_step() { buckets_.begin(); }
  struct Step {
    at::Tensor loss;    ///< of the whole batch
    bool stop = false;  ///< whether a rank wants to stop, or did in the step before
  };
  /// After that pass: gradients become those of the whole batch. `loss` is this rank's share.
  /// Whether ranks want to stop is returned as DataParallel::late_stop says.
  Step finish_step(const at::Tensor& loss, bool wants_to_stop);

  /// Before the first step of a run: requests to stop an earlier one are forgotten.
  void begin_run() { wish_before_.reset(); }

  /// Whether `own` is true on any rank.
  bool any(bool own);
  /// Replaces the values (int64) by the sums over all ranks.
  void sum(at::Tensor& values);
  /// The number that rank 0 passes.
  std::int64_t from_rank_0(std::int64_t value);
  /// Replaces the values of all ranks by rank 0's. All tensors have the same type.
  void copy_from_rank_0(const std::vector<NamedTensor>& tensors);

  /// From time to time: throws CommunicationError that names the ranks whose weights differ from
  /// those of rank 0 after step `step`.
  void compare_weights_when_due(std::int64_t step);

  /// Time spent waiting for other ranks and for communication so far, except in tests.
  double waited_seconds() const;

 private:
  at::TensorOptions here() const;
  std::uint64_t weights_hash() const;

  Executor& executor_;
  comm::Collectives& ranks_;
  std::int64_t check_every_;
  c10::Device device_;
  bool late_stop_;
  std::optional<AsyncScalar> wish_before_;  ///< of the step before, with late_stop
  GradientBuckets buckets_;
  std::chrono::steady_clock::duration waited_{};
};

}  // namespace hierevo::nn
