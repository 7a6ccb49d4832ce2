#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hierevo::comm {
class Collectives;
}

namespace hierevo::nn {

/// A tensor of a network and its name, which is unique in the network.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// How one forward and backward pass is computed. The defaults are the paper's.
struct StepOptions {
  double label_smoothing = 0.0;  ///< share of each target that is spread over all classes
  double drop_path = 0.0;        ///< probability that a path into a concatenation is 0 for an image
  std::uint64_t seed = 0;        ///< decides what drop_path drops, for each image of a batch
  bool bf16 = false;             ///< convolutions and linear layers multiply in bfloat16

  /// Batch normalisation by the running statistics, as in predict(), which then stay as they are:
  /// no image depends on another one.
  bool frozen_norms = false;
  /// Batch normalisation over the images of all these ranks, each of which makes the same steps on
  /// its own images; null: over those of this rank.
  comm::Collectives* norm_ranks = nullptr;

  // For batches that are computed in parts:
  std::int64_t first_image = 0;  ///< number of the first image in the whole batch
  double share = 1.0;  ///< the images' share of the batch: their gradients are multiplied by it
  bool first = true;   ///< false: gradients are added to the existing ones
  bool last = true;    ///< false: more of the batch follows, so that no gradient is complete yet
};

/// Runs the network of a plan: the interface between training and what computes it. Torch is one
/// executor (torch_executor.hpp). An executor belongs to one thread.
///
/// Every function reports a lack of memory by the exception of Torch or the standard library
/// (std::bad_alloc, c10::OutOfMemoryError on a GPU, c10::Error on the CPU); the weights are then as
/// before the call.
class Executor {
 public:
  virtual ~Executor() = default;

  /// One forward and backward pass in training mode over `images` [N, C, H, W] (float, normalised)
  /// and `targets`, from any device: labels [N] (int64) or probabilities of the classes
  /// [N, classes] (float). Afterwards the gradient of the mean cross-entropy is in grad() of every
  /// parameter, replacing what was there. Returns the mean loss, a scalar on the executor's device.
  virtual at::Tensor train_step(const at::Tensor& images, const at::Tensor& targets,
                                const StepOptions& options) = 0;
  /// The same with the paper's options.
  at::Tensor train_step(const at::Tensor& images, const at::Tensor& targets) {
    return train_step(images, targets, {});
  }

  /// Logits [N, classes] in evaluation mode: batch normalisation with the running statistics.
  virtual at::Tensor predict(const at::Tensor& images) = 0;

  /// Trainable tensors, named NAME.weight and so on after the plan's operations, in their order.
  /// They share memory with the network: writing to them changes it.
  virtual std::vector<NamedTensor> parameters() = 0;
  /// Running statistics of batch normalisation.
  virtual std::vector<NamedTensor> buffers() = 0;

  /// From now on grad() of each parameter is the corresponding tensor of `memory`, of its shape,
  /// strides and type: steps write there.
  virtual void place_gradients(std::vector<at::Tensor> memory) = 0;

  /// `callback` is called during train_step with the index of each parameter as soon as its
  /// gradient is complete, each once a step, never two at a time. On a CPU it runs on the calling
  /// thread, for a GPU on one of Torch's, on the same stream: train_step waits until the last call
  /// has returned, and throws what one throws. It replaces an earlier one. Data parallelism uses
  /// this.
  virtual void on_gradient_ready(std::function<void(std::size_t parameter)> callback) = 0;
};

}  // namespace hierevo::nn
