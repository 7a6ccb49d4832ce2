#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace hierevo::nn {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// Runs the network of a plan: the seam between training and what computes it. Torch is one
/// executor (torch_executor.hpp). An executor belongs to one thread.
///
/// Running out of memory leaves every function as the exception that Torch or the standard library
/// threw (std::bad_alloc, c10::OutOfMemoryError on a GPU, c10::Error on the CPU); the weights are
/// then as before the call.
class Executor {
 public:
  virtual ~Executor() = default;

  /// One forward and backward pass in training mode over `images` [N, C, H, W] (float, normalised)
  /// and `labels` [N] (int64), from any device. Afterwards the gradient of the mean cross-entropy
  /// is in grad() of every parameter, in place of what was there. Returns the loss, a scalar on the
  /// executor's device.
  virtual at::Tensor train_step(const at::Tensor& images, const at::Tensor& labels) = 0;

  /// Logits [N, classes] in evaluation mode: batch normalisation with the running statistics.
  virtual at::Tensor predict(const at::Tensor& images) = 0;

  /// Trainable tensors, named NAME.weight and so on after the plan's operations, in their order.
  /// They share memory with the network: writing to them changes it.
  virtual std::vector<NamedTensor> parameters() = 0;
  /// Running statistics of batch normalisation.
  virtual std::vector<NamedTensor> buffers() = 0;

  /// `callback` is called during train_step with the index of each parameter as soon as its
  /// gradient is complete, each once a step, never two at a time; for a GPU on a thread of Torch's.
  /// It takes the place of an earlier one. Data parallelism hangs in here.
  virtual void on_gradient_ready(std::function<void(std::size_t parameter)> callback) = 0;
};

}  // namespace hierevo::nn
