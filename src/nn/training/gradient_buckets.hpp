#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <vector>

#include "hierevo/comm/collectives.hpp"
#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::nn {

/// Sums the gradients of all ranks during the backward pass. Gradients lie in a few large buffers,
/// the last used parameter's first; one is summed as soon as all its gradients are complete and
/// those before it are being summed, so that all ranks begin with the same ones. Each rank's
/// gradients are those of its images' share of the batch (StepOptions::share), so that the sums are
/// those of the whole batch.
///
/// Belongs to one thread, as do the collectives. But on a GPU Torch runs the backward pass on a
/// thread of its own, for which train_step() waits: there gradients become ready and sums are
/// started, never while the waiting thread runs. The lock makes what one of them wrote visible to
/// the other.
class GradientBuckets {
 public:
  struct Options {
    std::size_t bytes = std::size_t{25} << 20;  ///< of a buffer; a larger gradient has its own
    bool compress = false;                      ///< summed as bfloat16: half the bytes, rounded
  };

  /// Keeps references to its arguments, and takes over the executor's gradients.
  GradientBuckets(Executor& executor, comm::Collectives& ranks, const Options& options);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  /// Before the pass that computes the gradients, if this rank has images for one.
  void begin();
  /// After that pass, and before anything else that the ranks do together: starts what is left.
  /// Gradients that did not become ready, all of them where there was no pass, count as 0.
  void close();
  /// Returns when the gradients are the sums. Throws CommunicationError.
  void finish();

  std::size_t count() const { return buckets_.size(); }
  /// Time in finish() so far: communication that the backward pass did not hide.
  std::chrono::steady_clock::duration waited() const { return waited_; }

 private:
  struct Bucket {
    std::vector<std::size_t> parameters;
    at::Tensor values;
    at::Tensor narrow;  ///< the same in bfloat16, if compressed
    std::size_t missing = 0;
    comm::Request sum;
  };

  void assign(const std::vector<NamedTensor>& parameters, std::size_t bytes);
  std::vector<at::Tensor> make_room(const std::vector<NamedTensor>& parameters);
  void ready(std::size_t parameter);
  void start(Bucket& bucket);

  Executor& executor_;
  comm::Collectives& ranks_;
  Options options_;
  std::mutex mutex_;                    ///< guards all that follows
  std::vector<at::Tensor> gradients_;   ///< of each parameter
  std::vector<std::size_t> bucket_of_;  ///< likewise
  std::vector<bool> is_ready_;          ///< likewise
  std::vector<Bucket> buckets_;
  std::size_t next_ = 0;  ///< to be started
  std::chrono::steady_clock::duration waited_{};
};

}  // namespace hierevo::nn
